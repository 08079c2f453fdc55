"""Durable errands: publish, lease, settle. What nobody waits for goes through here.

An errand lies in a *line*: one line for each function (``function_line``) and for each queue
(``queue_line``). Who serves a line leases from it. (In JetStream a line is a consumer's subject.)

BUS-1  publish() of an id already seen, even a settled, replaced or dropped one, changes nothing;
       it is durable (fsync) before it returns, and all errands of one call become visible together
       or not at all.
BUS-2  A leased delivery is hidden from other lessees until its lease ends; when it was first
       leased stays known.
BUS-3  A delivery nobody settled comes back when its lease ends, lost + 1: the attempt is not used
       up, for nobody knows that it was made.
BUS-4  Settled with Done it ends; with Later it is hidden for delay_s; with Dead it is kept as a
       dead letter; with Moved it waits in another line, with its id and body, attempt 0 and lost 0.
BUS-5  Settling with an attempt that is not the current one, or in another line than its own,
       changes nothing and says False. A lease that has ended is current until somebody else leases.
BUS-6  state() of a settled errand, with its result, is kept until sweep() finds it older than
       asked. Dead letters are never swept, only dropped.
BUS-7  Returned gives a lease back for delay_s without using up an attempt (a fault of ours).
BUS-8  Of one line and key with at_once = 1, an errand is leased only when every earlier one is
       done or dead; also while the earlier one waits for its next attempt. A lease() that says
       together gets those that follow the first with it, in order, up to one that is delayed.
BUS-9  Of one line and key with at_once = n, at most n are leased at a time. Where errands of one
       key differ, the smallest at_once of those not settled counts for all (1: as BUS-8).
BUS-10 lease() gives the higher priority first, and within one priority the earlier published.
BUS-11 An errand with ``replaces`` takes the place of the one of the same line and ``replaces``
       that has not been leased yet (debounce): the old one is gone, the new one waits its own
       not_before, but never longer than replaced_s_max after the first one was published.
BUS-12 revive() makes dead letters waiting again, attempt 0 and lost 0, the oldest first, and
       without an expires_at; drop() removes what is not leased, or (leased) also what is; both
       say which.
BUS-13 extend() moves the end of a lease that is still held, and says None for any other.
BUS-14 An errand whose expires_at has passed is not leased any more: it becomes a dead letter, at
       the latest with the next lease() of its line or sweep(); one that fades is dropped. Only a
       lease() that says take_expired gets it still, to bury it itself.
BUS-15 ready() names every line that has something to lease; wait_ready() misses no change.
BUS-16 reclaim() ends the leases of the process before this one, but not those that outlive it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tapwater_server.model.errors import TooLarge
from tapwater_server.model.ids import AppId

ERRAND_BYTES_MAX = 1 << 20  # Of body: larger things are blobs, and the errand names them.
EXPIRED = "expired: it waited longer than it was allowed to live"  # reason of BUS-14


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is published: somebody serving ``line`` is to be told ``body``."""

    id: str
    app: str
    line: str
    body: bytes
    function: str = ""  # "app:name"; empty in a queue, whoever consumes it
    revision: str = ""  # pinned, or "" for whatever is live
    attributes: bytes = b""  # JSON object: the sender's headers
    event: str = ""  # id of the event it tells of
    key: str = ""  # orders and limits: see BUS-8, BUS-9
    at_once: int = 1  # deliveries of one key at a time
    priority: int = 0  # -100 to 100, higher first
    replaces: str = ""  # see BUS-11
    replaced_s_max: float = 0.0  # 0.0: no ceiling
    root: str = ""  # id at the start of the chain
    depth: int = 0
    trace: str = ""
    not_before: float = 0.0  # seconds since the epoch
    expires_at: float = 0.0  # seconds since the epoch; 0.0: never
    fades: bool = False  # expired, it is gone and no dead letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One leased errand, attempt n (from 1)."""

    errand: Errand
    attempt: int  # one more than what was settled with Later
    leased_until: float
    published_at: float
    seq: int  # rises with publishing
    lease: int = 0  # rises with each lease, also of an errand that was returned in between
    lost: int = 0  # how many leases before ended with nobody settling: their holder died, say
    first_leased_at: float = 0.0  # in the line where it lies

    @property
    def begun(self) -> int:
        """How often it was begun, this time too; what was returned does not count."""
        return self.attempt + self.lost


@dataclass(frozen=True, slots=True)
class Done:
    """It went well."""

    result: bytes = b""  # JSON of what the function answered


@dataclass(frozen=True, slots=True)
class Later:
    """It did not; try again after ``delay_s``."""

    delay_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """It never really ran."""

    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Dead:
    """Give up and keep it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Somebody serving another line is to be told, as if it had been published there."""

    line: str
    attributes: bytes | None = None  # instead of those it has; None: they stay
    expires_at: float | None = None  # None: as before


Settlement = Done | Later | Returned | Dead | Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrandState:
    """Where an errand stands: waiting, leased, done or dead; and what came of it."""

    id: str
    app: str
    line: str
    function: str
    state: str
    attempt: int
    published_at: float
    lost: int = 0  # as of the last lease
    settled_at: float = 0.0
    not_before: float = 0.0
    key: str = ""
    event: str = ""
    root: str = ""
    depth: int = 0
    result: bytes = b""
    reason: str = ""
    body: bytes = b""  # empty in listings
    attributes: bytes = b""
    seq: int = field(default=0, compare=False)  # as the delivery's
    lease: int = field(default=0, compare=False)  # of the last lease, or settlement


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStats:
    """How a line stands now."""

    line: str
    app: str
    waiting: int  # its time has come (of a key, others may have to come first)
    delayed: int
    leased: int
    dead: int
    oldest_at: float  # when the oldest unsettled errand was published; 0.0: none


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which errands of an app are meant. What is empty does not limit."""

    app: AppId
    state: str = ""
    line: str = ""
    ids: tuple[str, ...] = ()
    reason_contains: str = ""
    published_since: float = 0.0
    published_until: float = 0.0


class Bus(Protocol):
    """See the promises above."""

    async def publish(self, errands: Sequence[Errand]) -> int:
        """Write errands; say how many were new."""
        ...

    async def lease(
        self,
        line: str,
        *,
        count_max: int,
        lease_s: float,
        take_expired: bool = False,
        together: bool = False,
        outlives: bool = False,
    ) -> Sequence[Delivery]:
        """Lease the best of a line. ``take_expired``: also what BUS-14 would bury; whoever asks
        for that buries it, and may tell somebody first. ``together``: see BUS-8. ``outlives``: who
        holds the lease is not of this process, and may settle after its end: see BUS-16.
        """
        ...

    async def settle(self, settled: Sequence[tuple[Delivery, Settlement]]) -> Sequence[bool]:
        """Settle several at once; each stands or falls by itself."""
        ...

    async def extend(self, delivery: Delivery, *, lease_s: float) -> Delivery | None: ...

    async def ready(self) -> Sequence[str]:
        """Say which lines may have something to lease now. May name one too many, never one too
        few."""
        ...

    async def wait_ready(self, seen: int | None = None) -> int:
        """Return when ready() may have changed: after a publish or a settlement, at the end of a
        delay or lease.

        Gives the number of changes so far. Whoever passes the number it was given misses none;
        without it, those since anybody last called ready() count (enough where one loop serves).
        """
        ...

    async def state(self, id: str) -> ErrandState | None:
        """Look at one, with its body."""
        ...

    async def list(
        self, filter: Filter, *, after: str = "", count_max: int = 100
    ) -> "Sequence[ErrandState]":
        """List newest first; ``after`` is the id that the page before ended with."""
        ...

    async def revive(self, filter: Filter, *, count_max: int) -> Sequence[str]: ...

    async def drop(self, filter: Filter, *, count_max: int, leased: bool = False) -> Sequence[str]:
        """Remove what is not leased, or all; say which ids."""
        ...

    async def lines(self, app: AppId, *, line: str = "") -> Sequence[LineStats]:
        """Say how all lines of an app stand that have anything, or one of them."""
        ...

    async def reclaim(self) -> int:
        """End the leases of a process that is gone. Only for who holds the data alone, and before
        the first lease: then every lease is a dead one, but for those of others' (BUS-16).
        """
        ...

    async def sweep(
        self, *, older_than_s: float, spare: Callable[[str], bool] | None = None
    ) -> int:
        """Remove what is settled and old. What has expired dies too, but not in lines to ``spare``:
        there somebody takes it with ``take_expired``, as soon as there is room.
        """
        ...

    async def erase(self, app: AppId) -> None:
        """Forget an app's errands, whatever their state."""
        ...


def check_size(errand: Errand) -> None:
    """Refuse what is too large to be an errand.

    Raises:
        TooLarge: the body is.
    """
    if len(errand.body) > ERRAND_BYTES_MAX:
        raise TooLarge(
            f"{len(errand.body)} bytes are too many for one message or event; "
            f"the most is {ERRAND_BYTES_MAX}: put them into a blob and name it",
            errand=errand.id,
        )


def function_line(function: str) -> str:
    """Name the line of ``app:group/name``.

    >>> function_line("shop:users/mail")
    'f:shop:users/mail'
    """
    return f"f:{function}"


def queue_line(app: str, queue: str) -> str:
    """Name the line of a queue of an app.

    >>> queue_line("shop", "emails")
    'q:shop:emails'
    """
    return f"q:{app}:{queue}"
