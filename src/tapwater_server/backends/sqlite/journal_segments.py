"""The files of a journal: making them, opening those of the last life, reading what is in them.

What is in such a file may have been spoilt: what can still be read is, and what cannot is counted.
"""

import errno
import mmap
import os
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import adler32

HEAD = struct.Struct("<4sIQ")  # magic, checksum of the number, number of the segment
FRAME = struct.Struct("<II")  # kind and length, checksum
KIND_SHIFT = 24
LENGTH_MAX = (1 << KIND_SHIFT) - 1

_MAGIC = b"TWJ1"
_NUMBER = struct.Struct("<Q")
_NUMBER_MAX = 1 << 40  # Times four megabytes: no journal comes so far.
_CHUNK_BYTES = 1 << 20
_NOT_OFFERED = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
# After a frame that is spoilt, where another may begin: a length below 64 KiB, one of the first
# kinds. The checksum decides; of less than a few bytes it would be too easily right.
_MAY_BEGIN = re.compile(rb"(?=[\x00-\xff]{2}\x00[\x01-\x0f])")
_FOUND_AGAIN_BYTES_MIN = 16


class Frame(NamedTuple):
    """One thing that was put in."""

    kind: int  # 1 to 255
    data: bytes


@dataclass(slots=True, kw_only=True)
class Segment:
    """One file, mapped."""

    path: Path
    map: mmap.mmap
    number: int = 0
    sound: bool = True  # every byte has its place on the disk: it may be written to


class Spoilt(Exception):
    """A file that is no segment of ours, or none that can be read."""


def made(path: Path, size: int) -> Segment:
    """Make a segment whose every byte has its place on the disk: a write into a mapped file that
    finds none would kill the process.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_EXCL, 0o600)
    try:
        allocate(file, size)
        return Segment(path=path, map=mmap.mmap(file, size))
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(file)


def allocate(file: int, size: int) -> None:
    """Give each byte its place. What is in the file stays; what is missing becomes zeros."""
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
        for at in range(0, size, _CHUNK_BYTES):  # A file system that must be written to.
            count = min(_CHUNK_BYTES, size - at)
            chunk = os.pread(file, count, at).ljust(count, b"\0")
            if os.pwrite(file, chunk, at) != count:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None


def opened(path: Path, size: int) -> Segment | None:
    """Map a segment of the last life; None: it was never used.

    A copy of a data directory may have holes where zeros were, or end too early: they are filled.
    Where there is no room for that it is read, and never written to again.

    Raises:
        Spoilt: it is no segment, or its head cannot be read.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Spoilt(str(error)) from None
    try:
        return _mapped(file, path, size)
    except (OSError, ValueError) as error:
        raise Spoilt(str(error)) from None
    finally:
        os.close(file)


def _mapped(file: int, path: Path, size: int) -> Segment | None:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_size > size:
        raise Spoilt("it is no segment of this journal")
    head = os.pread(file, HEAD.size, 0).ljust(HEAD.size, b"\0")
    if not any(head):
        return None
    number = segment_number(head)
    if number is None:
        raise Spoilt("its head cannot be read: it is damaged, or of another release")
    sound = True
    try:
        allocate(file, size)
    except OSError:
        sound = False
    access = mmap.ACCESS_WRITE if sound else mmap.ACCESS_READ
    length = size if sound else found.st_size
    return Segment(
        path=path, map=mmap.mmap(file, length, access=access), number=number, sound=sound
    )


def put_aside(path: Path) -> None:
    """Keep a file for whoever wants to look into it, out of the way. It may not be a file."""
    try:
        path.replace(path.with_suffix(".damaged"))
    except OSError:  # Of somebody else, say: then it lies where it is.
        return


def end_of(folder: Path, size: int) -> int:
    """Give a position that no frame in any of the files is behind."""
    newest = -1
    for path in folder.glob("*.journal"):
        try:
            segment = opened(path, size)
        except Spoilt:
            continue
        if segment is not None:
            newest = max(newest, segment.number)
            segment.map.close()
    return (newest + 1) * size


def head(number: int) -> bytes:
    """Write the head of a segment."""
    return HEAD.pack(_MAGIC, adler32(_NUMBER.pack(number)), number)


def segment_number(data: "mmap.mmap | bytes") -> int | None:
    """Read a segment's head; None: it was never used, or its writing was cut short."""
    magic, checksum, number = HEAD.unpack(data[: HEAD.size])
    if magic != _MAGIC or checksum != adler32(_NUMBER.pack(number)) or number > _NUMBER_MAX:
        return None
    return int(number)


def frames(data: "mmap.mmap | bytes") -> Iterator[tuple[int, Frame | None]]:
    """Read the frames of a segment with their places.

    It ends where nothing can be read any more. None in a frame's place: something there is
    spoilt, and there are frames behind it. Those that were in a segment before it was used again
    have checksums of another seed, and are never taken for what they are not.
    """
    number = segment_number(data)
    at: int | None = HEAD.size
    while number is not None and at is not None and at + FRAME.size < len(data):
        found = _frame_at(data, at, number)
        if found is not None:
            yield at, found
            at += FRAME.size + len(found.data)
            continue
        spoilt, at = at, _next_frame(data, at + 1, number)
        if at is not None:
            yield spoilt, None


def _frame_at(data: "mmap.mmap | bytes", at: int, number: int) -> Frame | None:
    what, checksum = FRAME.unpack(data[at : at + FRAME.size])
    end = at + FRAME.size + (what & LENGTH_MAX)
    if not what or end > len(data):
        return None
    raw = data[at + FRAME.size : end]
    if adler32(raw, number & 0xFFFFFFFF) != checksum:
        return None
    return Frame(what >> KIND_SHIFT, bytes(raw))


def _next_frame(data: "mmap.mmap | bytes", since: int, number: int) -> int | None:
    for match in _MAY_BEGIN.finditer(data, since):
        at = match.start()
        if at + FRAME.size + _FOUND_AGAIN_BYTES_MIN > len(data):
            return None
        (what, _) = FRAME.unpack(data[at : at + FRAME.size])
        if what & LENGTH_MAX >= _FOUND_AGAIN_BYTES_MIN and _frame_at(data, at, number) is not None:
            return at
    return None
