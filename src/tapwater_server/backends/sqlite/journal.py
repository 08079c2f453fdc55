"""What was noted and is not stored yet, in memory-mapped files: a kill -9 takes none of it.

Putting something in is a copy of its bytes into memory that the kernel owns; it does no I/O and
needs no flush to outlive the process. A frame is its kind and length, a checksum, and its bytes.
The checksum is seeded with the number of the segment, so that neither a torn frame nor what a
segment held before it was used again is taken for one. A position counts bytes over all segments
there ever were; whoever stores what is in the journal stores the position with it, and gives it
at the next start: that makes it exactly once.

It does not outlive the machine: after a power failure the last frames may be missing.
"""

import mmap
import os
import struct
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import adler32

SEGMENT_BYTES = 4 << 20  # Half a second of 20,000 calls a second.
JOURNAL_BYTES_MAX = 128 << 20
SPARES_MAX = 4  # Segments kept to be used again; one is always ready, so that nobody waits.

_MAGIC = b"TWJ1"
_HEAD = struct.Struct("<4sIQ")  # magic, checksum of the number, number of the segment
_NUMBER = struct.Struct("<Q")
_FRAME = struct.Struct("<II")  # kind and length, checksum
_KIND_SHIFT = 24
_LENGTH_MAX = (1 << _KIND_SHIFT) - 1

_frame = _FRAME.pack


class Frame(NamedTuple):
    """One thing that was put in."""

    kind: int  # 1 to 255
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStats:
    """What one journal has done so far."""

    segments: int
    refused: int  # not put in, for want of room
    failing: bool


@dataclass(slots=True, kw_only=True)
class _Segment:
    path: Path
    map: mmap.mmap
    number: int = 0


class Journal:
    """Put on the loop, made room for in another thread (``prepare()``)."""

    def __init__(
        self,
        folder: Path,
        *,
        since: int,
        segment_bytes: int = SEGMENT_BYTES,
        bytes_max: int = JOURNAL_BYTES_MAX,
    ) -> None:
        """Open what the last life left. ``since`` is the position that was stored last."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segments_max = max(bytes_max // segment_bytes, 2)
        self._names = 0
        self._spares: deque[_Segment] = deque()
        self._used: deque[_Segment] = deque()
        self._refused = 0
        self._making = threading.Lock()
        self._failing = self._closed = False
        self._map: mmap.mmap | None = None  # of the last of the used ones
        self._at = self._end = self._seed = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._left = self._open(since)
        newest = max((one.number for one in self._used), default=0)
        self._number = max(newest, since // segment_bytes)
        self._reached = (self._number + 1) * segment_bytes
        self.prepare()

    def take_left(self) -> list[Frame]:
        """Give what the last life left unstored, in its order; to be taken once."""
        left, self._left = self._left, []
        return left

    @property
    def position(self) -> int:
        """Where the next frame would begin: everything so far is before it."""
        if self._map is None:
            return self._reached
        return self._number * self._segment_bytes + self._at

    def put(self, kind: int, data: bytes) -> bool:
        """Take something in. False: there is no room, and it is only in the caller's memory."""
        at = self._at
        end = at + 8 + len(data)
        if end > self._end:
            if not self._turn(len(data)):
                self._refused += 1
                return False
            at = self._at
            end = at + 8 + len(data)
        assert self._map is not None
        self._map[at:end] = (
            _frame(kind << _KIND_SHIFT | len(data), adler32(data, self._seed)) + data
        )
        self._at = end
        return True

    def done(self, position: int) -> None:
        """Let go of what is before a position: it was stored."""
        while self._used and (self._used[0].number + 1) * self._segment_bytes <= position:
            if self._used[0].map is self._map:
                return
            segment = self._used.popleft()
            if len(self._spares) < SPARES_MAX:
                self._spares.append(segment)
            else:
                _remove(segment)

    def prepare(self) -> None:
        """See to it that there is a spare segment. Does I/O; for another thread than the loop's."""
        with self._making:
            if self._spares or self._is_full() or self._closed:
                return
            try:
                self._spares.append(self._made())
                self._failing = False
            except OSError:  # No room on the disk: what is refused is counted; tried again.
                self._failing = True

    def stats(self) -> JournalStats:
        return JournalStats(
            segments=len(self._used) + len(self._spares),
            refused=self._refused,
            failing=self._failing,
        )

    def close(self) -> None:
        """Let go of the memory; the files stay."""
        self._closed = True
        self._reached = self.position
        self._map, self._end = None, 0
        for segment in (*self._used, *self._spares):
            segment.map.close()
        self._used.clear()
        self._spares.clear()

    def _is_full(self) -> bool:
        return len(self._used) + len(self._spares) >= self._segments_max

    def _turn(self, length: int) -> bool:
        """Go on in a fresh segment, if there is one."""
        if length > min(_LENGTH_MAX, self._segment_bytes - _HEAD.size - _FRAME.size):
            return False
        if not self._spares and not self._failing:
            self.prepare()  # Ahead of the other thread: some milliseconds, seldom.
        if not self._spares:
            return False
        segment = self._spares.popleft()
        self._number = segment.number = self._number + 1
        number = _NUMBER.pack(segment.number)
        segment.map[: _HEAD.size] = _HEAD.pack(_MAGIC, adler32(number), segment.number)
        self._used.append(segment)
        self._map, self._at, self._end = segment.map, _HEAD.size, self._segment_bytes
        self._seed = segment.number & 0xFFFFFFFF
        return True

    def _made(self) -> _Segment:
        """Make a segment whose every byte has its place on the disk: a write into a mapped file
        that finds none would kill the process.
        """
        self._names += 1
        path = self._folder / f"{self._names:08}.journal"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(file, 0, self._segment_bytes)
            return _Segment(path=path, map=mmap.mmap(file, self._segment_bytes))
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(file)

    def _open(self, since: int) -> list[Frame]:
        """Read the segments of the last life; what is stored already is no longer needed."""
        for path in sorted(self._folder.glob("*.journal")):
            self._names = max(self._names, int(path.stem) if path.stem.isdigit() else 0)
            segment = self._opened(path)
            if segment is None:
                path.unlink()
            else:
                self._used.append(segment)
        self._used = deque(sorted(self._used, key=lambda one: one.number))
        left = []
        for segment in self._used:
            start = segment.number * self._segment_bytes
            left += [frame for at, frame in frames(segment.map) if start + at >= since]
        return left

    def _opened(self, path: Path) -> _Segment | None:
        """Map a segment; None: it holds nothing, or is of another kind."""
        with path.open("r+b") as file:
            if os.fstat(file.fileno()).st_size != self._segment_bytes:
                return None
            mapped = mmap.mmap(file.fileno(), self._segment_bytes)
        number = segment_number(mapped)
        if number is None:
            mapped.close()
            return None
        return _Segment(path=path, map=mapped, number=number)


def segment_number(data: "mmap.mmap | bytes") -> int | None:
    """Read a segment's head; None: it was never used, or its writing was cut short."""
    magic, checksum, number = _HEAD.unpack(data[: _HEAD.size])
    if magic != _MAGIC or checksum != adler32(_NUMBER.pack(number)):
        return None
    return int(number)


def frames(data: "mmap.mmap | bytes") -> Iterator[tuple[int, Frame]]:
    """Read the frames of a segment with their places, up to the first that is not whole."""
    number = segment_number(data)
    at = _HEAD.size
    while number is not None and at + _FRAME.size < len(data):
        what, checksum = _FRAME.unpack(data[at : at + _FRAME.size])
        end = at + _FRAME.size + (what & _LENGTH_MAX)
        raw = data[at + _FRAME.size : end]
        if not what or end > len(data) or adler32(raw, number & 0xFFFFFFFF) != checksum:
            return
        yield at, Frame(what >> _KIND_SHIFT, bytes(raw))
        at = end


def _remove(segment: _Segment) -> None:
    segment.map.close()
    segment.path.unlink(missing_ok=True)
