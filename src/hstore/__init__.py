"""An embeddable, synchronous memory layer in one SQLite file per project.

Names are imported at their first use, so that `import hstore` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.errors import HstoreError as HstoreError
    from hstore.masking import Masker as Masker
    from hstore.store import Store as Store
    from hstore.version import VERSION as __version__  # noqa: N811 - Python's own name for it

__all__ = ["HstoreError", "Masker", "Store", "__version__"]

_HOMES = {
    "HstoreError": ("hstore.errors", "HstoreError"),
    "Masker": ("hstore.masking", "Masker"),
    "Store": ("hstore.store", "Store"),
    "__version__": ("hstore.version", "VERSION"),
}


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'hstore' has no attribute {name!r}") from None
    value = globals()[name] = getattr(_imported(module), attribute)
    return value


def _imported(module: str) -> Any:
    """Import without collecting garbage meanwhile: modules leave none, and looking for it takes 2 % of the start."""
    import gc
    from sys import modules

    collecting = gc.isenabled()
    gc.disable()
    try:
        __import__(module)
    finally:
        if collecting:
            gc.enable()
    return modules[module]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
