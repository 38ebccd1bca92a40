"""Packages the C masker (abi3) and the top-level `migrations/` folder; the rest is in pyproject.toml."""

import sysconfig

from setuptools import find_packages, setup

# A free-threaded build has no limited API, so its wheel is tagged for itself alone.
ABI3 = {} if sysconfig.get_config_var("Py_GIL_DISABLED") else {"bdist_wheel": {"py_limited_api": "cp310"}}

setup(
    packages=[*find_packages("src"), "hstore.migrations"],
    package_dir={"": "src", "hstore.migrations": "migrations"},
    package_data={"hstore": ["py.typed", "*.pyi"], "hstore.shell": ["hook.*"], "hstore.migrations": ["*.sql"]},
    cffi_modules=["csrc/build_ffi.py:ffi"],
    options=ABI3,
)
