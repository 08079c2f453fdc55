"""The end of what a call logs, for callers that ask to see it."""

from collections import deque

TAIL_BYTES_MAX = 4096


class Tails:
    """Hears all lines; keeps those of calls that are watched."""

    def __init__(self) -> None:
        self._open: dict[str, deque[str]] = {}

    @property
    def watching(self) -> bool:
        """Whether any call is watched."""
        return bool(self._open)

    def open(self, invocation: str) -> None:
        """Watch a call."""
        self._open[invocation] = deque()

    def said(self, invocation: str, text: str) -> None:
        """A line was logged."""
        lines = self._open.get(invocation)
        if lines is None:
            return
        lines.append(text)
        while sum(map(len, lines)) > 2 * TAIL_BYTES_MAX and len(lines) > 1:
            lines.popleft()

    def close(self, invocation: str) -> bytes:
        """Give the last of it."""
        lines = self._open.pop(invocation, ())
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")[-TAIL_BYTES_MAX:]
