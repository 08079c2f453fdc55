"""What waits to be sent of one signal: bounded, the oldest go first. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence

from tapwater_server.services.otlp.conventions import Json

Item = tuple[str, Json]  # the app, and what is said of it


class Waiting:
    """A queue with a ceiling that counts what it loses."""

    def __init__(self, *, items_max: int) -> None:
        assert items_max > 0
        self._items: deque[Item] = deque(maxlen=items_max)
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, items: Iterable[Item]) -> None:
        """Put items behind the others; when it is full, the oldest are lost."""
        for item in items:
            self.dropped += len(self._items) == self._items.maxlen
            self._items.append(item)

    def take(self, count_max: int) -> Sequence[Item]:
        """Take the oldest.

        >>> waiting = Waiting(items_max=2)
        >>> waiting.add([("a", {}), ("b", {}), ("c", {})])
        >>> waiting.take(9), waiting.dropped
        ([('b', {}), ('c', {})], 1)
        """
        return [self._items.popleft() for _ in range(min(count_max, len(self._items)))]

    def put_back(self, items: Sequence[Item]) -> None:
        """They were not sent: they are the oldest again, and the first to be lost."""
        room = (self._items.maxlen or 0) - len(self._items)
        self.dropped += max(0, len(items) - room)
        self._items.extendleft(reversed(items[len(items) - room :] if room < len(items) else items))
