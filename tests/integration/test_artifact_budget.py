"""A size budget per artifact: the head and the tail in whole lines, and a line that says what is left out."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store, codec
from hstore.domains.artifacts.excerpts import LONGEST_LINE, LONGEST_NOTICE, head_length, newlines, tail_start
from hstore.errors import InvalidInput

NOTICE = re.compile(rb"\[hstore: (\d+) bytes in (\d+) lines left out here\]\n")
LINES = b"".join(b"line %d of what a long build printed\n" % number for number in range(20_000))


def parts(content: bytes, whole: bytes) -> tuple[bytes, int, int, bytes]:
    """The head, what the notice says is left out (bytes and lines), and the tail."""
    (found,) = NOTICE.finditer(content)
    size, tail = int(found[1]), content[found.end() :]
    head = content[: len(whole) - size - len(tail)]
    assert content[len(head) : found.start()] == (b"\n" if head and not head.endswith(b"\n") else b"")
    return head, size, int(found[2]), tail


def check(store: Store, number: int, masked: bytes, limit: int) -> None:
    """What is read is a head and a tail of `masked`, and the artifact says what is missing."""
    content, artifact = store.read_artifact(number), store.artifacts.get(number)
    assert artifact.size == len(content)
    if len(masked) <= limit + LONGEST_NOTICE:
        assert (content, artifact.left_out) == (masked, 0)
        return
    head, size, lines, tail = parts(content, masked)
    assert len(head) <= limit // 2
    assert len(tail) <= limit - limit // 2
    assert masked == head + masked[len(head) : len(head) + size] + tail
    assert artifact.left_out == size
    assert lines == masked[len(head) : len(head) + size].count(b"\n")
    if b"\n" in masked[max(0, limit // 2 - LONGEST_LINE) : limit // 2]:
        assert head.endswith(b"\n")
    first = len(masked) - (limit - limit // 2)
    if b"\n" in masked[first - 1 : min(first + LONGEST_LINE, len(masked)) - 1]:
        assert masked[: len(head) + size].endswith(b"\n")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)), max_size=60),
    times=st.sampled_from([1, 1, 7, 300]),
    limit=st.integers(1, 20_000),
    cuts=st.lists(st.integers(1, 60_000), max_size=6),
)
def test_any_content_within_any_budget_is_head_notice_and_tail(
    store: Store, run: int, lines: list[bytes], times: int, limit: int, cuts: list[int]
) -> None:
    """However the bytes come and whatever was stepped before: a prefix, a notice that is true, a suffix, in lines."""
    content = b"\n".join(lines) * times
    plain = store.read_artifact(store.attach_artifact(run, "log", content))
    with store.artifacts.writer(run, limit=limit) as writer:
        place = 0
        for cut in cuts:
            writer.write(content[place : place + cut])
            writer.step()
            place += cut
        writer.write(content[place:])
    check(store, writer.id, plain, limit)
    check(store, store.attach_artifact(run, "log", content, limit=limit), plain, limit)


@pytest.mark.parametrize("limit", [1, 1000, codec.CHUNK - 1, codec.CHUNK + 1, 3 * codec.CHUNK, 2_000_000, 5_000_000])
def test_output_of_many_steps_keeps_its_head_and_tail(store: Store, run: int, limit: int) -> None:
    """With pieces that are taken away, skipped, and cut, at budgets around the sizes of chunks and steps."""
    numbers = random.Random(limit)
    content = b"".join(b"%d %s\n" % (number, b"x" * numbers.randrange(200)) for number in range(60_000))
    with store.artifacts.writer(run, name="stdout", limit=limit) as writer:
        place = 0
        while place < len(content):
            size = numbers.choice((100, 5000, 200_000, 1_500_000))
            writer.write(content[place : place + size])
            place += size
            if writer.due or numbers.random() < 0.3:
                writer.step()
                kept = store.artifacts.get(writer.id).size
                assert kept <= limit + 2 * codec.CHUNK + LONGEST_NOTICE + size
    check(store, writer.id, content, limit)


@pytest.mark.parametrize("limit", [500, 70_000, 700_000])
def test_ranges_tail_stream_and_replay_agree_with_the_whole(store: Store, run: int, tmp_path: Path, limit: int) -> None:
    """Byte ranges of what is kept, its last lines, and the parts in their order are all the same bytes."""
    number = store.attach_artifact(run, "log", LINES, name="stdout", limit=limit)
    whole = store.read_artifact(number)
    for start in (0, 10, limit // 2 - 3, limit // 2 + 40, limit // 2 + 60, len(whole) - 5, len(whole), len(whole) + 5):
        for length in (0, 1, 50, 5000):
            assert store.artifacts.read_range(number, start, length) == whole[start : start + length]
    pages, place = b"", 0
    while page := store.artifacts.read_range(number, place, 97_000):
        pages, place = pages + page, place + len(page)
    assert pages == whole
    for lines in (0, 1, 5, 100, 100_000):
        expected = b"".join(whole.splitlines(keepends=True)[-lines:]) if lines else b""
        assert store.artifacts.tail(number, lines) == expected
        begin = store.artifacts.tail_offsets(run, lines)
        assert b"".join(part.data for part in store.artifacts.replay(run, begin)) == expected
    assert b"".join(part.data for part in store.artifacts.replay(run)) == whole
    with open(tmp_path / "copy", "wb") as file:
        assert store.artifacts.stream_to(number, file) == len(whole)
    assert (tmp_path / "copy").read_bytes() == whole


def test_follower_sees_all_that_comes_while_the_tail_rolls(store: Store, run: int) -> None:
    """Whoever reads after each step misses nothing, though more and more behind it is taken away."""
    seen, offsets = b"", {}
    with store.artifacts.writer(run, limit=600_000) as writer:
        for start in range(0, len(LINES), 50_000):
            writer.write(LINES[start : start + 50_000])
            writer.step()
            for part in store.artifacts.replay(run, offsets):
                assert part.offset == offsets.get(part.artifact, 0)
                seen += part.data
                offsets[part.artifact] = part.offset + len(part.data)
    for part in store.artifacts.replay(run, offsets):
        seen += part.data
    assert seen == LINES


def test_follower_that_is_slow_can_tell_what_it_missed(store: Store, run: int) -> None:
    """A part that begins behind what was seen says by its offset how much is missing."""
    with store.artifacts.writer(run, limit=100_000) as writer:
        writer.write(LINES[:300_000])
        writer.step()
        for start in range(300_000, len(LINES), 100_000):
            writer.write(LINES[start : start + 100_000])
            writer.step()
    (following, *_) = store.artifacts.replay(run, {writer.id: 400_000})
    assert following.offset > 400_000
    assert LINES[following.offset :].startswith(following.data[:1000])


def test_what_is_written_only_half_reads_back(store: Store, run: int) -> None:
    """While it rolls, what is committed is a head, a notice and a tail too, though not in whole lines yet."""
    writer = store.artifacts.writer(run, limit=400_000)
    for start in range(0, len(LINES), 30_000):
        writer.write(LINES[start : start + 30_000])
        writer.step()
        content = store.read_artifact(writer.id)
        (part, *_) = reversed(list(store.artifacts.replay(run)))
        so_far = LINES[: part.offset + len(part.data)]  # the masker holds back the last word
        if NOTICE.search(content):
            head, size, lines, tail = parts(content, so_far)
            assert so_far == head + so_far[len(head) : len(head) + size] + tail
            assert lines == so_far[len(head) : len(head) + size].count(b"\n")
        else:
            assert content == so_far
    assert store.artifacts.get(writer.id).left_out > 0
    writer.abandon()
    assert not store.artifacts.get(writer.id).complete


def test_chunks_of_what_is_left_out_are_gone(store: Store, run: int) -> None:
    """The middle takes no room: every chunk that is there belongs to something that can be read."""
    content = random.Random(1).randbytes(8_000_000)
    store.attach_artifact(run, "file", content, limit=500_000)
    (stored,) = store.query("SELECT sum(size) FROM chunks")[0]
    assert stored <= 500_000 + LONGEST_NOTICE
    assert store.query("SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM pieces)")[0] == (0,)


def test_masked_before_it_is_cut(store: Store, run: int, secret: str) -> None:
    """No cut, wherever it is, brings back a byte of a secret: it goes through what is masked."""
    content = b"".join(b"%d\nexport API_TOKEN=%s\n" % (number, secret.encode()) for number in range(300))
    for limit in range(400, 520):
        kept = store.read_artifact(store.attach_artifact(run, "log", content, limit=limit))
        assert not any(secret[at : at + 6].encode() in kept for at in range(len(secret) - 6))


def test_compaction_and_masking_anew_leave_it_readable(tmp_path: Path, secret: str) -> None:
    """Content with a gap in its offsets is compacted, masked anew, and reads as one; what is left out stays known."""
    path = tmp_path / "project.db"
    content = LINES + f"the word is {secret}\n".encode() + LINES[-1000:]
    with Store.open(path) as store:
        run = store.record_run("make", ["make"], exit_code=0)
        number = store.attach_artifact(run, "log", content, limit=300_000)
        before = store.read_artifact(number)
        store.artifacts.compact()
        assert store.read_artifact(number) == before
        left_out = store.artifacts.get(number).left_out
    with Store.open(path, values=[secret]) as store:
        assert store.masking.apply().changed
        after = store.read_artifact(number)
        assert secret.encode() not in after
        assert NOTICE.search(after)[0] == NOTICE.search(before)[0]
        artifact = store.artifacts.get(number)
        assert (artifact.size, artifact.left_out) == (len(after), left_out)


def test_compaction_between_the_steps_changes_nothing(store: Store, run: int) -> None:
    """Pieces whose chunks were moved or put together meanwhile are taken away and cut like others."""
    with store.artifacts.writer(run, limit=400_000) as writer:
        for start in range(0, len(LINES), 40_000):
            writer.write(LINES[start : start + 40_000])
            writer.step()
            if start % 120_000 == 0:
                store.artifacts.compact()
    check(store, writer.id, LINES, 400_000)
    store.artifacts.compact()
    check(store, writer.id, LINES, 400_000)
    assert store.query("SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM pieces)")[0] == (0,)


@given(text=st.text(alphabet="aé€😀", min_size=20, max_size=60), size=st.integers(8, 19))
def test_no_character_is_cut_where_a_line_must_be(text: str, size: int) -> None:
    """Without an end of a line in reach, head and tail still end and begin between two characters of UTF-8."""
    content = text.encode()
    content[: head_length(content[:size])].decode()
    first = len(content) - size - 1
    content[first + tail_start(content[first:]) :].decode()


@given(st.binary(max_size=200_000), st.sampled_from([1, 20, 3000]))
def test_newlines_are_counted_both_ways(content: bytes, times: int) -> None:
    """Whatever the length of lines."""
    assert newlines(content * times) == (content * times).count(b"\n")


def test_batch_that_is_undone_leaves_nothing_of_a_rolling_artifact(store: Store, run: int) -> None:
    """The steps, the notice and the cuts of an artifact are part of the batch around it."""
    with pytest.raises(ZeroDivisionError), store.batch():
        store.attach_artifact(run, "log", LINES * 4, limit=10_000)
        raise ZeroDivisionError
    assert store.info().counts["chunks"] == 0
    with store.batch():
        number = store.attach_artifact(run, "log", LINES * 4, limit=10_000)
    check(store, number, LINES * 4, 10_000)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "10M", 1 << 63])
def test_wrong_budgets_are_refused_and_leave_nothing(store: Store, run: int, limit: object) -> None:
    """A budget is a whole number of bytes from 1."""
    with pytest.raises(InvalidInput, match="limit"):
        store.attach_artifact(run, "log", b"content", limit=limit)
    with pytest.raises(InvalidInput, match="limit"):
        store.artifacts.writer(run, limit=limit)
    assert store.artifacts.list() == []
