"""Durable errands: publish, lease, settle. What a client does not wait for goes through here.

BUS-1  publish() of an id already seen, even a settled one, changes nothing; it is durable (fsync)
       before it returns.
BUS-2  A leased delivery is hidden from other lessees until its lease ends.
BUS-3  A delivery nobody settled comes back when its lease ends, attempt + 1.
BUS-4  ack() ends a delivery; retry() hides it for delay_s; bury() keeps it as a dead letter.
BUS-5  Settling with an attempt that is not the current one changes nothing and says False.
BUS-6  result() of a settled delivery is kept until sweep() finds it older than asked.
BUS-7  release() gives a lease back for delay_s without using up an attempt (a fault of ours).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is published: tell ``function`` (``app:name``) about ``body`` (JSON bytes)."""

    id: str
    app: str
    function: str
    body: bytes
    revision: str = ""  # pinned, or "" for whatever is live
    root: str = ""  # id at the start of the chain
    depth: int = 0
    not_before: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One leased errand, attempt n (from 1)."""

    errand: Errand
    attempt: int
    leased_until: float
    published_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrandState:
    """Where an errand stands: waiting, leased, done or dead; and what came of it."""

    id: str
    app: str
    function: str
    state: str
    attempt: int
    published_at: float
    result: bytes = b""  # JSON of what the function answered
    reason: str = ""


class Bus(Protocol):
    """See the promises above."""

    async def publish(self, errands: Sequence[Errand]) -> None: ...

    async def lease(self, *, count_max: int, lease_s: float) -> Sequence[Delivery]: ...

    async def ack(self, delivery: Delivery, *, result: bytes) -> bool: ...

    async def retry(self, delivery: Delivery, *, delay_s: float, reason: str) -> bool: ...

    async def release(self, delivery: Delivery, *, delay_s: float) -> bool: ...

    async def bury(self, delivery: Delivery, *, reason: str) -> bool: ...

    async def state(self, id: str) -> ErrandState | None: ...

    async def dead(self, *, app: str, count_max: int) -> Sequence[ErrandState]: ...

    async def sweep(self, *, older_than_s: float) -> int: ...

    async def wait_published(self) -> None:
        """Return when something may have become leasable: after a publish, a settlement, or the
        end of a delay or lease; at once if there is something now."""
        ...
