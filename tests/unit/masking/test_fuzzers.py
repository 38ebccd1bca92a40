"""What the fuzzers begin with is what it is meant to be; they themselves run in CI, where clang is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hstore._masker import ffi, lib

if sys.version_info < (3, 11):
    pytest.skip("the rules are read with tomllib, which Python 3.10 does not have", allow_module_level=True)

FUZZ = Path(__file__).parents[2] / "fuzz"


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A script of tests/fuzz, which finds its neighbours beside it."""
    monkeypatch.syspath_prepend(str(FUZZ))
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", FUZZ / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_the_seed_of_own_rules_is_a_ruleset_and_finds(monkeypatch) -> None:
    """Rules that are refused would leave everything behind their reading unlooked at."""
    blob = module("seeds", monkeypatch).own_rules()
    error = ffi.new("int *")
    rules = ffi.gc(lib.hstore_ruleset_new(blob, len(blob), error), lib.hstore_ruleset_free)
    assert rules != ffi.NULL
    masker = ffi.gc(lib.hstore_masker_new(rules, ffi.NULL, 0, error), lib.hstore_masker_free)
    stream = ffi.gc(lib.hstore_stream_new(masker), lib.hstore_stream_free)
    text = b"own-xyz9w8v7u6 my-acme_pin: abc1def2ghi3 own-abcdefgh\n"
    assert lib.hstore_stream_feed(stream, text, len(text), 1) == 1
    shown = ffi.buffer(lib.hstore_stream_output(stream), lib.hstore_stream_output_length(stream))[:]
    assert shown == b"[masked:own-token] my-acme_pin: [masked:own-name] own-abcdefgh\n"


def test_ci_gives_every_harness_the_same_inputs(monkeypatch) -> None:
    """Where CI is set a number of inputs and a seed limit a harness, elsewhere seconds."""
    run = module("run", monkeypatch)
    monkeypatch.setenv("CI", "true")
    limits = {harness: run.limits(harness, 10, 7) for harness in run.HARNESSES}
    assert set(limits) == set(run.CI_INPUTS)
    for harness, chosen in limits.items():
        assert "-seed=7" in chosen
        assert f"-runs={run.CI_INPUTS[harness]}" in chosen
        assert not any("time" in option for option in chosen)
    monkeypatch.delenv("CI")
    assert run.limits("laws", 10, 7) == ["-seed=7", "-max_total_time=10"]
