"""What was done once already, by key: so that a repetition does nothing.

ONC-1  begin() of a key says First to exactly one at a time, however many ask at the same moment.
ONC-2  While that one's lease lasts, others are told Busy.
ONC-3  After commit() of the holder, others are told Already until its keep_s is over; it is durable
       (fsync) before commit() returns.
ONC-4  After release() of the holder, or the end of its lease, the next begin() says First.
ONC-5  commit() and release() with a token that is not the current one change nothing and say False.
ONC-6  sweep() removes what is over, and nothing else; erase() forgets one app's and no other's.
ONC-7  reclaim() ends all leases and nothing else: for who holds the data directory alone, before
       the first begin(), when every lease is that of a process which is gone.
"""

from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.ids import AppId


@dataclass(frozen=True, slots=True)
class First:
    """Do it; then commit with this token."""

    token: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody is doing it, and must be done by then."""

    until: float


@dataclass(frozen=True, slots=True)
class Already:
    """It has been done. ``result`` is what the commit left."""

    result: bytes = b""


Begun = First | Busy | Already


class Once(Protocol):
    """See the promises above. A ``scope`` keeps the keys of one function from those of others."""

    async def begin(self, app: AppId, scope: str, key: str, *, lease_s: float) -> Begun: ...

    async def commit(
        self,
        app: AppId,
        scope: str,
        key: str,
        token: str,
        *,
        keep_s: float,
        result: bytes = b"",
    ) -> bool: ...

    async def release(self, app: AppId, scope: str, key: str, token: str) -> bool: ...

    async def reclaim(self) -> int: ...

    async def sweep(self) -> int: ...

    async def erase(self, app: AppId) -> None: ...
