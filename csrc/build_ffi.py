"""Builds hstore._masker, the binding of the C masker; setuptools runs this file through `cffi_modules`.

The declarations are those of masker.h, so the header stays the only description of the surface. With
HSTORE_SANITIZE=1 in the environment the module is built with the address and undefined-behaviour sanitizers.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
SOURCES = sorted(path.stem for path in HERE.glob("*.c"))
HEADERS = sorted(path.name for path in HERE.glob("*.h"))
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g", "-O1"]


def declarations() -> str:
    """The part of masker.h between its two markers."""
    text = (HERE / "masker.h").read_text(encoding="utf-8")
    return text.partition("/* cdef begins */")[2].partition("/* cdef ends */")[0]


def relative(name: str) -> str:
    """Setuptools wants paths relative to the folder of setup.py, which is where it runs."""
    return Path(os.path.relpath(HERE / name)).as_posix()


def flags() -> tuple[list[str], list[str]]:
    """Flags for the compiler and the linker."""
    if sys.platform == "win32":
        return ["/std:c11", "/O2"], []
    compile_flags = ["-std=c11", "-O3", "-fvisibility=hidden"]
    if os.environ.get("HSTORE_SANITIZE") == "1":
        return [*compile_flags, *SANITIZE, "-DHSTORE_SANITIZED=1"], SANITIZE[:1]
    return compile_flags, []


ffi = FFI()
ffi.cdef(declarations())
compile_args, link_args = flags()
ffi.set_source(
    "hstore._masker",
    '#include "masker.h"',
    sources=[relative(f"{name}.c") for name in SOURCES],
    depends=[relative(name) for name in HEADERS],
    include_dirs=[relative(".")],
    extra_compile_args=compile_args,
    extra_link_args=link_args,
    py_limited_api=True,
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
