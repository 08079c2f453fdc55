"""A journal that was spoilt between two lives: what can be read is, what cannot is counted."""

import errno
import os
import random
import shutil
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.journal import Frame, Journal
from tapwater_server.backends.sqlite.journal_segments import HEAD, head

SEGMENT = 4096
DATA = [bytes([n]) * 100 for n in range(1, 31)]


def opened(folder: Path, *, since: int = 0) -> Journal:
    return Journal(folder, since=since, segment_bytes=SEGMENT, bytes_max=40 * SEGMENT)


def filled(folder: Path) -> int:
    """Put DATA in, as a life does that is killed; give the position after it."""
    journal = opened(folder)
    for one in DATA:
        assert journal.put(1, one)
    position = journal.position
    journal.close()
    return position


def files(folder: Path) -> list[Path]:
    """The segments that have been used, oldest first."""
    found = [path for path in folder.glob("*.journal") if path.read_bytes()[:4] == b"TWJ1"]
    return sorted(found, key=lambda path: HEAD.unpack(path.read_bytes()[: HEAD.size])[2])


def read(folder: Path, *, since: int = 0) -> tuple[list[bytes], int]:
    """What is left, and how many places were lost."""
    journal = opened(folder, since=since)
    try:
        assert journal.put(1, b"and it goes on")
        return [frame.data for frame in journal.take_left()], journal.stats().lost
    finally:
        journal.close()


def write_at(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_frame_that_is_spoilt_takes_only_itself_along(tmp_path: Path) -> None:
    filled(tmp_path)
    write_at(files(tmp_path)[0], HEAD.size + 3 * 108 + 50, b"\xff")
    assert read(tmp_path) == ([one for one in DATA if one != DATA[3]], 1)


def test_a_spoilt_length_does_so_too(tmp_path: Path) -> None:
    filled(tmp_path)
    write_at(files(tmp_path)[0], HEAD.size + 3 * 108, b"\xff\xff\xff\xff")
    assert read(tmp_path) == ([one for one in DATA if one != DATA[3]], 1)


@pytest.mark.parametrize("seed", range(40))
def test_bytes_flipped_anywhere_lose_what_they_hit(tmp_path: Path, seed: int) -> None:
    filled(tmp_path)
    chance = random.Random(seed)
    first = files(tmp_path)[0]
    hit = set()
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(HEAD.size, SEGMENT - 108)
        hit.add((at - HEAD.size) // 108)
        write_at(first, at, bytes([first.read_bytes()[at] ^ chance.randint(1, 255)]))
    kept, lost = read(tmp_path)
    assert kept == [one for n, one in enumerate(DATA) if n not in hit or n >= SEGMENT // 108]
    assert 0 <= lost <= len(hit)


def test_a_spoilt_head_loses_its_segment_and_is_put_aside(tmp_path: Path) -> None:
    filled(tmp_path)
    first, *_ = files(tmp_path)
    write_at(first, 2, b"\x00\x00")
    kept, lost = read(tmp_path)
    assert (kept, lost) == (DATA[(SEGMENT - HEAD.size) // 108 :], 1)
    assert [path.name for path in tmp_path.glob("*.damaged")] == [f"{first.stem}.damaged"]
    assert read(tmp_path)[1] == 0, "it is told of once"


def test_a_newer_release_wrote_it(tmp_path: Path) -> None:
    filled(tmp_path)
    write_at(files(tmp_path)[0], 0, b"TWJ2")
    assert read(tmp_path)[1] == 1


def test_one_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    filled(tmp_path)
    os.truncate(files(tmp_path)[0], HEAD.size + 5 * 108 + 40)
    kept, lost = read(tmp_path)
    assert kept == DATA[:5] + DATA[(SEGMENT - HEAD.size) // 108 :]
    assert lost == 0


def test_what_is_no_file_of_ours_is_not_touched(tmp_path: Path) -> None:
    folder, theirs = tmp_path / "journal", tmp_path / "precious"
    theirs.write_bytes(head(7) + bytes(SEGMENT - HEAD.size))
    before = theirs.read_bytes()
    filled(folder)
    (folder / "00000091.journal").symlink_to(theirs)
    (folder / "00000092.journal").mkdir()
    os.mkfifo(folder / "00000093.journal")
    (folder / "²³.journal").write_bytes(bytes(SEGMENT))
    kept, lost = read(folder)
    assert (kept, lost) == (DATA, 3)
    assert theirs.read_bytes() == before
    assert read(folder)[1] == 0


def test_a_copy_beside_it_is_not_counted_again(tmp_path: Path) -> None:
    filled(tmp_path)
    shutil.copy(files(tmp_path)[0], tmp_path / "00000099.journal")
    assert read(tmp_path) == (DATA, 1)


def test_holes_are_filled_before_it_is_written_to_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write into a hole of a mapped file, on a full disk, would kill the process."""
    done = filled(tmp_path)
    first = files(tmp_path)[0]
    whole = first.read_bytes()
    first.unlink()
    with first.open("wb") as file:  # As a sparse copy leaves it.
        file.write(whole[:200])
        file.truncate(SEGMENT)
    journal = opened(tmp_path, since=done)
    journal.done(done)
    assert all(path.stat().st_blocks * 512 >= SEGMENT for path in tmp_path.glob("*.journal"))
    journal.close()

    def no_room(file: int, at: int, count: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    journal = opened(tmp_path, since=done)
    journal.done(done)
    assert not journal.put(1, b"nothing is written into a file that may have holes")
    assert journal.stats().failing
    journal.close()


def test_a_file_system_that_does_not_preallocate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_offered(file: int, at: int, count: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", not_offered)
    filled(tmp_path)
    assert all(path.stat().st_blocks * 512 >= SEGMENT for path in tmp_path.glob("*.journal"))
    assert read(tmp_path) == (DATA, 0)


def test_frames_of_an_earlier_use_never_come_back(tmp_path: Path) -> None:
    """Behind a torn frame lies what the segment held before: it was stored long ago."""
    journal = opened(tmp_path)
    for _ in range(8):
        for one in DATA:
            assert journal.put(1, one)
        journal.done(journal.position)
    done = journal.position
    journal.put(2, b"new" * 20)
    journal.close()
    newest = files(tmp_path)[-1]
    write_at(newest, done % SEGMENT + 20, b"torn")
    assert Frame(1, DATA[0]).data in newest.read_bytes()
    assert read(tmp_path, since=done) == ([], 0)
