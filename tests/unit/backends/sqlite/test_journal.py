"""The journal, cut short at every byte and full to the brim."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.backends.sqlite.journal import Frame, Journal, frames

SEGMENT = 4096


def opened(folder: Path, *, since: int = 0, segments_max: int = 4) -> Journal:
    return Journal(folder, since=since, segment_bytes=SEGMENT, bytes_max=segments_max * SEGMENT)


def left(folder: Path, *, since: int = 0) -> list[Frame]:
    journal = opened(folder, since=since)
    try:
        return journal.take_left()
    finally:
        journal.close()


def test_what_was_put_in_and_not_stored_is_left(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal.put(1, b"one")
    middle = journal.position
    assert journal.put(2, b"")
    assert journal.put(1, b"three")
    end = journal.position
    # Nothing is closed or flushed: as after kill -9.
    assert left(tmp_path) == [Frame(1, b"one"), Frame(2, b""), Frame(1, b"three")]
    assert left(tmp_path, since=middle) == [Frame(2, b""), Frame(1, b"three")]
    assert left(tmp_path, since=end) == []
    journal.close()


def test_over_many_segments_in_order(tmp_path: Path) -> None:
    journal = opened(tmp_path, segments_max=40)
    data = [bytes([n]) * 1000 for n in range(100)]
    positions = []
    for one in data:
        positions.append(journal.position)
        assert journal.put(7, one)
    assert [frame.data for frame in left(tmp_path)] == data
    assert [frame.data for frame in left(tmp_path, since=positions[50])] == data[50:]
    journal.close()


def test_segments_are_used_again_and_their_past_is_forgotten(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for n in range(200):
        assert journal.put(1, b"%d" % n * 200)
        if n % 5 == 4:
            journal.done(journal.position)
    done = journal.position
    assert journal.stats().segments <= 4
    assert len(list(tmp_path.iterdir())) <= 4
    journal.put(1, b"last")
    journal.close()
    assert left(tmp_path, since=done) == [Frame(1, b"last")]
    again = opened(tmp_path, since=done)
    assert again.position > done
    again.close()


def test_full_is_an_answer(tmp_path: Path) -> None:
    journal = opened(tmp_path, segments_max=2)
    count = 0
    while journal.put(1, bytes(500)):
        count += 1
    assert 12 <= count <= 16
    assert not journal.put(1, bytes(500))
    assert journal.stats().refused == 2
    journal.done(journal.position)
    assert journal.put(1, bytes(500))
    assert not journal.put(1, bytes(SEGMENT)), "larger than a segment"
    journal.close()


def test_a_full_disk_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(file: int, at: int, count: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", no_room)
        journal = opened(tmp_path)
        assert not journal.put(1, b"lost")
        assert journal.stats().failing
        assert list(tmp_path.iterdir()) == []
    journal.prepare()
    assert journal.put(1, b"kept")
    assert left(tmp_path) == [Frame(1, b"kept")]
    journal.close()


def test_cut_short_at_every_byte(tmp_path: Path) -> None:
    """A write that stopped anywhere leaves all frames before it, and nothing that was not put."""
    journal = opened(tmp_path / "whole")
    data = [b"a" * 5, b"", b"b" * 17, b"ccc"]
    for one in data:
        journal.put(1, one)
    end = journal.position % SEGMENT
    journal.close()
    (path,) = (one for one in (tmp_path / "whole").iterdir() if one.read_bytes()[:4] == b"TWJ1")
    whole = path.read_bytes()
    for cut in range(end + 1):
        for filler in (b"\0", b"\xff"):
            torn = whole[:cut] + filler * (SEGMENT - cut)
            found = [frame.data for _, frame in frames(torn) if frame is not None]
            assert found == data[: len(found)]
            assert len(found) == len(data) or cut < end


@given(st.binary(min_size=64, max_size=300))
def test_whatever_is_in_the_file(data: bytes) -> None:
    assert list(frames(data)) == []
    assert list(frames(b"TWJ1" + data)) == []


def test_a_file_that_is_none_of_ours_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "00000007.journal").write_bytes(b"x" * SEGMENT)
    (tmp_path / "00000009.journal").write_bytes(b"short")
    journal = opened(tmp_path)
    assert journal.take_left() == []
    assert journal.put(1, b"works")
    journal.close()


def test_it_never_goes_back_behind_what_is_stored(tmp_path: Path) -> None:
    journal = opened(tmp_path, since=50 * SEGMENT + 17)  # The files are gone; the store is not.
    assert journal.position > 50 * SEGMENT + 17
    before = journal.position
    journal.put(1, b"one")
    journal.close()
    assert left(tmp_path, since=before) == [Frame(1, b"one")]


def test_a_start_keeps_no_segment_that_holds_nothing(tmp_path: Path) -> None:
    position = 0
    for _ in range(5):
        journal = opened(tmp_path, since=position)
        assert journal.take_left() == []
        assert journal.put(1, b"one")
        assert journal.position > position
        position = journal.position
        journal.close()
    assert len(list(tmp_path.glob("*.journal"))) == 1
    assert left(tmp_path, since=position) == []
