"""What happened, in order: the outbox of every service and source, kept for a while.

A service writes its change and the event in one transaction of its own backend; sources and
clients use append(). One relay reads the log and turns events into errands on the bus.

LOG-1  append() of an (app, id) already seen changes nothing; it is durable before it returns.
LOG-2  read() gives events by rising ``seq``; none appears later below one already read.
LOG-3  What was appended in one call, or with a change in one transaction, is there whole or not.
LOG-4  A cursor is where its owner left it, also after kill -9; it never moves backwards.
LOG-5  sweep() removes what is older than asked (since it was written down) and lies behind every
       cursor, and nothing else; as long as there is no cursor, nothing. No seq is given twice.
LOG-6  wait_appended() misses nothing, neither of append() nor of a change with its events.
LOG-7  read() gives up to ``bytes_max`` bytes of data at once, but at least one event if there is
       one, and holds hardly more than that: fewer than asked for are not the end, only none are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId

READ_BYTES_MAX = 16 << 20  # Data read at once: hundreds of events may have 1 MiB each.


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An event and its place in the log (from 1, rising, with gaps)."""

    seq: int
    event: Event


class EventLog(Protocol):
    """See the promises above."""

    async def append(self, events: Sequence[Event]) -> int:
        """Write events; say how many were new."""
        ...

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
        """Read what comes after ``after``; of one app, one kind, one source if given. What is
        only to be listed is read without its ``data``, which may be large, and counts nothing.
        """
        ...

    async def find(self, app: AppId, id: str) -> Logged | None: ...

    async def seq_at(self, at: float) -> int:
        """Say after which seq to read for everything that happened at ``at`` or later."""
        ...

    async def last(self) -> int:
        """Say the highest seq there is; 0 for an empty log."""
        ...

    async def cursor(self, name: str) -> int: ...

    async def move_cursor(self, name: str, seq: int) -> None: ...

    async def wait_appended(self, after: int) -> None:
        """Return when there is something after ``after``; at once if there is."""
        ...

    async def sweep(self, *, older_than_s: float) -> int: ...

    async def erase(self, app: AppId) -> None:
        """Forget an app's events."""
        ...
