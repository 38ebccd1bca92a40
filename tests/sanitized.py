"""Builds the masker with the address and undefined-behaviour sanitizers and runs its tests on that build.

Usage: python tests/sanitized.py [PYTEST-ARGUMENTS]

Works in a temporary folder; the checkout's own build is not touched. First a bug that exists only in this
build (reading one byte behind a block) must be caught: a sanitizer that is silently off proves nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLANTED = """
from hstore._masker import lib
print("sanitized", lib.hstore_sanitized(0), flush=True)
lib.hstore_sanitized(1)
"""


def build(folder: Path) -> Path:
    """A copy of the sources with the module built in it; returns the folder to import from."""
    for name in ("csrc", "src", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "__pycache__", "build"))
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    environment = {**os.environ, "HSTORE_SANITIZE": "1"}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    # What an installed wheel does with the top-level folder.
    shutil.copytree(folder / "migrations", folder / "src" / "hstore" / "migrations", dirs_exist_ok=True)
    return folder / "src"


def runtime() -> str:
    """The sanitizer's library, which must be loaded before everything else."""
    compiler = os.environ.get("CC", "cc")
    path = subprocess.check_output([compiler, "-print-file-name=libasan.so"], text=True).strip()
    if not Path(path).is_absolute():
        sys.exit(f"{compiler} has no address sanitizer")
    return path


def main() -> int:
    """Build, prove that the sanitizer bites, run the tests."""
    with tempfile.TemporaryDirectory(prefix="sanitized-") as folder:
        source = build(Path(folder))
        environment = {
            **os.environ,
            "PYTHONPATH": str(source),
            "LD_PRELOAD": runtime(),
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "HSTORE_TEST_SANITIZED": "1",
        }
        command = [sys.executable, "-c", PLANTED]
        planted = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if "sanitized 1" not in planted.stdout or "heap-buffer-overflow" not in planted.stderr:
            sys.exit(f"the planted bug was not caught:\n{planted.stdout}{planted.stderr}")
        print("the planted bug was caught", flush=True)
        arguments = ["-q", "-p", "no:cacheprovider", *(sys.argv[1:] or [str(ROOT / "tests" / "unit" / "masking")])]
        command = [sys.executable, "-m", "pytest", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
