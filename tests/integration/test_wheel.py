"""The built wheel and sdist carry everything, and the wheel works where the source is not."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

USE = """
import sys, hstore
from hstore import Masker, Store
assert "site-packages" in hstore.__file__, hstore.__file__
with Store.open(sys.argv[1]) as store:
    run = store.record_run("a", ["a"], exit_code=0)
    artifact = store.attach_artifact(run, "log", b"line\\n" * 1000)
    assert store.read_artifact(artifact) == b"line\\n" * 1000
    print(store.schema_version, Masker().mask(b"password=" + b"q7Rz" * 5))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel under test: the one named by HSTORE_WHEEL, or one built now from the tree."""
    if named := os.environ.get("HSTORE_WHEEL"):
        return Path(named)
    pytest.importorskip("build", reason="building the wheel needs the `dev` extra")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT], check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


def test_wheel_carries_migrations_stub_extension_and_marker(wheel: Path) -> None:
    """Everything that is not Python source is in it, and nothing of the build or the tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    migrations = {f"hstore/migrations/{file.name}" for file in (ROOT / "migrations").glob("*.sql")}
    assert migrations
    assert migrations | {"hstore/migrations/__init__.py", "hstore/_masker.pyi", "hstore/py.typed"} <= names
    assert any(name.startswith("hstore/_masker.") and name.endswith((".so", ".pyd")) for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hstore"}
    assert not any(name.endswith((".c", ".h", ".toml")) for name in names)


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="free-threaded builds have no limited API"
)
def test_wheel_is_abi3(wheel: Path) -> None:
    """One wheel serves Python 3.10 and everything after it."""
    assert "-cp310-abi3-" in wheel.name
    assert any(".abi3." in name or name.endswith(".pyd") for name in zipfile.ZipFile(wheel).namelist())


def test_wheel_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """Installed beside its dependencies, away from the source: it opens, records, masks; both commands are there."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True, cwd=tmp_path)
    used = subprocess.run(
        [python, "-c", USE, tmp_path / "a.db"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    migrations = len(list((ROOT / "migrations").glob("*.sql")))
    assert used.stdout.startswith(f"{migrations} b'password=[masked:"), used
    for command in ("hstore", "heimdal"):
        version = subprocess.run([scripts / command, "--version"], capture_output=True, text=True, check=True)
        assert version.stdout.startswith("hstore ")
