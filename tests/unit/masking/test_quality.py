"""What masking is judged by: secrets gone in every notation, look-alikes untouched."""

from __future__ import annotations

import pytest
from benchmarks.corpus.measuring import Sample, corpus, measure
from benchmarks.corpus.notations import NOTATIONS

from hstore.masking import Masker


@pytest.fixture(scope="module")
def samples():
    """One seed's corpus."""
    return corpus(20240501)


def test_secrets_are_gone_and_lookalikes_are_not_touched(samples):
    """Over a part of the corpus that has every type and every notation."""
    part = [sample for at, sample in enumerate(samples) if not sample.secret or at % 11 == 0]
    report = measure(Masker().mask, part)
    assert {notation.id for notation in NOTATIONS} <= set(report.notations)
    assert report.recall >= 99.5
    assert report.untouched >= 97


def test_the_measure_notices_what_is_left():
    """A masker that does nothing finds nothing and touches nothing; one that hides all is wrong about look-alikes."""
    samples = [Sample("kind", "notation", "token=abcdefgh12345678", "abcdefgh12345678"), Sample("group", "x", "plain")]
    idle, eager = measure(bytes, samples), measure(lambda text: b"", samples)
    assert (idle.recall, idle.untouched) == (0, 100)
    assert (eager.recall, eager.untouched) == (100, 0)
    half = measure(lambda text: text.replace(b"12345678", b""), samples)
    assert half.recall == 0
