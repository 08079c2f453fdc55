"""The reference log of events: a list."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import READ_BYTES_MAX, Logged
from tapwater_server.ports.noticing import Changes


@dataclass(frozen=True, slots=True)
class _Row:
    logged: Logged
    recorded_at: float


class MemoryEventLog:
    """Keeps all promises of ``ports/eventlog.py`` for as long as the process lives."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._rows: list[_Row] = []
        self._last_seq = 0
        self._cursors: dict[str, int] = {}
        self._changes = Changes()

    async def append(self, events: Sequence[Event]) -> int:
        return self.record(events)

    def record(self, events: Sequence[Event]) -> int:
        """Write events, as part of a change that is made in the same step of the loop."""
        seen = {(row.logged.event.app, row.logged.event.id) for row in self._rows}
        new = 0
        for event in events:
            if (event.app, event.id) in seen:
                continue
            seen.add((event.app, event.id))
            self._last_seq += 1
            new += 1
            logged = Logged(seq=self._last_seq, event=event)
            self._rows.append(_Row(logged, self._clock.now()))
        self._changes.note()
        return new

    async def read(
        self,
        *,
        after: int,
        count_max: int,
        app: AppId | None = None,
        type_prefix: str = "",
        source: str = "",
        data: bool = True,
        bytes_max: int = READ_BYTES_MAX,
    ) -> Sequence[Logged]:
        found = [
            row.logged
            for row in self._rows
            if row.logged.seq > after
            and app in {None, row.logged.event.app}
            and row.logged.event.type.startswith(type_prefix)
            and source in {"", row.logged.event.source}
        ]
        if not data:
            found = [replace(one, event=replace(one.event, data=b"")) for one in found]
        return _fitting(found[:count_max], bytes_max)

    async def find(self, app: AppId, id: str) -> Logged | None:
        rows = [row.logged for row in self._rows]
        found = [row for row in rows if (row.event.app, row.event.id) == (app, id)]
        return found[0] if found else None

    async def seq_at(self, at: float) -> int:
        later = [row.logged.seq for row in self._rows if row.logged.event.at >= at]
        return later[0] - 1 if later else await self.last()

    async def last(self) -> int:
        return self._rows[-1].logged.seq if self._rows else 0

    async def cursor(self, name: str) -> int:
        return self._cursors.get(name, 0)

    async def move_cursor(self, name: str, seq: int) -> None:
        self._cursors[name] = max(seq, self._cursors.get(name, 0))

    async def wait_appended(self, after: int) -> None:
        while await self.last() <= after:
            await self._changes.wait_stirred(clock=self._clock, seconds=None)

    async def sweep(self, *, older_than_s: float) -> int:
        until = self._clock.now() - older_than_s
        behind = min(self._cursors.values(), default=0)
        kept = [row for row in self._rows if row.recorded_at >= until or row.logged.seq > behind]
        swept = len(self._rows) - len(kept)
        self._rows = kept
        return swept

    async def erase(self, app: AppId) -> None:
        self._rows = [row for row in self._rows if row.logged.event.app != app]


def _fitting(found: Sequence[Logged], bytes_max: int) -> Sequence[Logged]:
    """Give the first ones whose data fit, but at least one."""
    sizes = accumulate(len(one.event.data) for one in found)
    fitting = sum(1 for size in sizes if size <= bytes_max)
    return found[: max(1, fitting)]
