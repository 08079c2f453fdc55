"""What was noted and is not stored yet, in memory-mapped files: a kill -9 takes none of it.

Putting something in is a copy of its bytes into memory that the kernel owns; it does no I/O and
needs no flush to outlive the process. A frame is its kind and length, a checksum, and its bytes.
The checksum is seeded with the number of the segment, so that neither a torn frame nor what a
segment held before it was used again is taken for one. A position counts bytes over all segments
there ever were; whoever stores what is in the journal stores the position with it, and gives it
at the next start: that makes it exactly once.

It does not outlive the machine: after a power failure the last frames may be missing.
"""

import logging
import mmap
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import adler32

from tapwater_server.backends.sqlite import journal_segments
from tapwater_server.backends.sqlite.journal_segments import (
    FRAME,
    HEAD,
    KIND_SHIFT,
    LENGTH_MAX,
    Frame,
    Segment,
    Spoilt,
    frames,
    put_aside,
)

__all__ = ["Frame", "Journal", "JournalStats", "frames"]

SEGMENT_BYTES = 4 << 20  # Half a second of 20,000 calls a second.
JOURNAL_BYTES_MAX = 128 << 20
SPARES_MAX = 2  # Segments kept to be used again, in memory: one is ready, so that nobody waits.

_log = logging.getLogger(__name__)
_frame = FRAME.pack


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStats:
    """What one journal has done so far."""

    segments: int
    refused: int  # not put in, for want of room
    failing: bool
    lost: int = 0  # places in what the last life left that could not be read


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
        self._spares: deque[Segment] = deque()
        self._used: deque[Segment] = deque()
        self._refused = self._lost = 0
        self._making = threading.Lock()
        self._failing = self._closed = False
        self._map: mmap.mmap | None = None  # of the last of the used ones
        self._at = self._end = self._seed = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number = since // segment_bytes
        self._left = self._open(since)
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
        self._map[at:end] = _frame(kind << KIND_SHIFT | len(data), adler32(data, self._seed)) + data
        self._at = end
        return True

    def done(self, position: int) -> None:
        """Let go of what is before a position: it was stored."""
        while self._used and (self._used[0].number + 1) * self._segment_bytes <= position:
            if self._used[0].map is self._map:
                return
            segment = self._used.popleft()
            if segment.sound and len(self._spares) < SPARES_MAX:
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
            except OSError as error:
                # No room on the disk, say: what is refused is counted; it is tried again.
                if not self._failing:
                    _log.warning("the journal has no room to grow: %s", error)
                self._failing = True

    def stats(self) -> JournalStats:
        return JournalStats(
            segments=len(self._used) + len(self._spares),
            refused=self._refused,
            failing=self._failing,
            lost=self._lost,
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
        if length > min(LENGTH_MAX, self._segment_bytes - HEAD.size - FRAME.size):
            return False
        if not self._spares and not self._failing:
            self.prepare()  # Ahead of the other thread: some milliseconds, seldom.
        if not self._spares:
            return False
        segment = self._spares.popleft()
        self._number = segment.number = self._number + 1
        segment.map[: HEAD.size] = journal_segments.head(segment.number)
        self._used.append(segment)
        self._map, self._at, self._end = segment.map, HEAD.size, self._segment_bytes
        self._seed = segment.number & 0xFFFFFFFF
        return True

    def _made(self) -> Segment:
        self._names += 1
        return journal_segments.made(
            self._folder / f"{self._names:08}.journal", self._segment_bytes
        )

    def _open(self, since: int) -> list[Frame]:
        """Read the segments of the last life; what is stored already is no longer needed."""
        for path in sorted(self._folder.glob("*.journal")):
            self._names = max(self._names, int(path.stem) if path.stem.isdecimal() else 0)
            try:
                segment = journal_segments.opened(path, self._segment_bytes)
            except Spoilt as error:
                self._note_lost("a segment of the journal is lost", path, reason=str(error))
                put_aside(path)
                continue
            if segment is None:
                path.unlink()
            else:
                self._used.append(segment)
        left: list[Frame] = []
        opened, self._used = tuple(self._one_of_each()), deque()
        for segment in opened:
            self._number = max(self._number, segment.number)
            found = self._read(segment, since)
            left += found
            if found or not segment.sound:
                self._used.append(segment)
            else:
                _remove(segment)  # Else each start would hold one more in memory.
        return left

    def _one_of_each(self) -> Iterator[Segment]:
        """Give the segments in their order. A copy of one that somebody made beside it would have
        all that is in it stored twice.
        """
        before: Segment | None = None
        for segment in sorted(self._used, key=lambda one: one.number):
            if before is not None and before.number == segment.number:
                self._note_lost("a segment is there twice", segment.path, reason="a copy")
                segment.map.close()
                put_aside(segment.path)
                continue
            before = segment
            yield segment

    def _read(self, segment: Segment, since: int) -> list[Frame]:
        """Give what a segment has from a position on."""
        start = segment.number * self._segment_bytes
        found = []
        for at, frame in frames(segment.map):
            if start + at < since:
                continue
            if frame is None:
                self._note_lost("a place of the journal is lost", segment.path, reason=f"at {at}")
            else:
                found.append(frame)
        return found

    def _note_lost(self, what: str, path: Path, *, reason: str) -> None:
        self._lost += 1
        _log.error("%s: %s, %s", what, path.name, reason)


def _remove(segment: Segment) -> None:
    segment.map.close()
    segment.path.unlink(missing_ok=True)
