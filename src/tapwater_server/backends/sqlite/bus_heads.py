"""Which lines may have something to lease: a picture in memory beside the table of errands."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

_STALE_MAX = 1_000  # Entries of the heap that mean nothing any more.


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a write has learned of a line. ``due`` is when more may become ready; 0.0: never.

    ``ready`` None: nothing was learned, it stays as it was.
    """

    line: str
    ready: bool | None
    due: float = 0.0


class Heads:
    """Names a line too many now and then, never one too few."""

    def __init__(self) -> None:
        self._ready: dict[str, None] = {}  # In the order in which they became ready.
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []  # May hold stale entries; _due has the truth.

    def note(self, heads: Sequence[Head]) -> None:
        """Take in what a write has learned, in the order of the commits."""
        for head in heads:
            if head.ready:
                self._ready.setdefault(head.line)
            elif head.ready is not None:
                self._ready.pop(head.line, None)
                self._due.pop(head.line, None)  # The write has seen all of it.
            if head.due:
                self._note_due(head.line, head.due)

    def ready(self, now: float) -> list[str]:
        """List the lines that may have something now, the longest ready first."""
        while self._heap and self._heap[0][0] <= now:
            due, line = heapq.heappop(self._heap)
            if self._due.get(line) == due:
                del self._due[line]
                self._ready.setdefault(line)
        return list(self._ready)

    def next_due(self) -> float | None:
        """Say when ready() will name a line more, as far as is known."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _note_due(self, line: str, due: float) -> None:
        known = self._due.get(line)
        if known is None or due < known:
            self._due[line] = due
            heapq.heappush(self._heap, (due, line))
        if len(self._heap) > 2 * len(self._due) + _STALE_MAX:
            self._heap = [(due, line) for line, due in self._due.items()]
            heapq.heapify(self._heap)
