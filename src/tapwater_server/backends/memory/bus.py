"""The reference bus: what the durable one must behave like, in a dictionary, the plain way."""

import builtins
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import (
    EXPIRED,
    Dead,
    Delivery,
    Done,
    Errand,
    ErrandState,
    Filter,
    Later,
    LineStats,
    Moved,
    Returned,
    Settlement,
    check_size,
)
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.noticing import Changes


@dataclass(slots=True, kw_only=True)
class _Row:
    errand: Errand
    seq: int
    published_at: float
    first_at: float
    due: float
    expires_at: float
    awake: bool  # Its time has come; a clock that jumps back does not take that away.
    state: str = "waiting"  # or leased, done, dead, gone
    attempt: int = 0
    lost: int = 0
    unsettled: bool = False  # The last lease: it is held, or lost.
    lease: int = 0
    result: bytes = b""
    reason: str = ""
    settled_at: float = 0.0
    first_leased_at: float = 0.0
    outlives: bool = False  # Its lease is held outside of this process.

    @property
    def open(self) -> bool:
        return self.state in {"waiting", "leased"}

    def is_leased(self, now: float) -> bool:
        return self.state == "leased" and self.due > now

    def standing(self, now: float) -> str:
        """What it is for those outside: a lease that has ended waits again."""
        return "waiting" if self.state == "leased" and self.due <= now else self.state


class MemoryBus:
    """Keeps all promises of ``ports/bus.py`` for as long as the process lives."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, _Row] = {}  # In the order of their seq.
        self._last_seq = 0
        self._changes, self._seen = Changes(), 0

    async def reclaim(self) -> int:
        """End all leases: whoever held them is gone."""
        held = [row for row in self._rows.values() if row.is_leased(self._clock.now())]
        held = [row for row in held if not row.outlives]
        for row in held:
            row.due = self._clock.now()
        self._changes.note()
        return len(held)

    async def publish(self, errands: Sequence[Errand]) -> int:
        for errand in errands:
            check_size(errand)
        new = [self._publish(errand) for errand in errands if errand.id not in self._rows]
        self._changes.note()
        return sum(new)

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
        now = self._clock.now()
        self._wake(line, now, bury=not take_expired)
        due = [row for row in self._of_line(line) if row.awake]
        chosen: list[_Row] = []
        for row in sorted(due, key=lambda row: (-row.errand.priority, row.seq)):
            if len(chosen) < count_max and self._may_be_leased(row, now, chosen):
                followers = self._followers(row) if together else []
                chosen += [row, *followers][: count_max - len(chosen)]
        for row in chosen:
            row.state, row.due, row.awake = "leased", now + lease_s, False
            row.lost += row.unsettled
            row.attempt += not row.unsettled  # A lost lease's attempt is taken over.
            row.lease, row.unsettled, row.outlives = row.lease + 1, True, outlives
            row.first_leased_at = row.first_leased_at or now
        self._changes.stir()
        return [_delivery(row) for row in chosen]

    async def settle(self, settled: Sequence[tuple[Delivery, Settlement]]) -> Sequence[bool]:
        held = [self._settle(delivery, settlement) for delivery, settlement in settled]
        self._changes.note()
        return held

    async def extend(self, delivery: Delivery, *, lease_s: float) -> Delivery | None:
        row = self._current(delivery)
        if row is None or not row.is_leased(self._clock.now()):
            return None
        row.due = self._clock.now() + lease_s
        self._changes.stir()
        return replace(delivery, leased_until=row.due)

    async def ready(self) -> Sequence[str]:
        self._seen = self._changes.count
        now = self._clock.now()
        rows = [row for row in self._rows.values() if row.open and (row.awake or row.due <= now)]
        return builtins.list({row.errand.line: 0 for row in rows})

    async def wait_ready(self, seen: int | None = None) -> int:
        seen = self._seen if seen is None else seen
        while self._changes.count == seen:
            began = self._clock.now()
            times = [row.due for row in self._rows.values() if row.open and row.due > began]
            wait_s = min(times) - began if times else None
            await self._changes.wait_stirred(clock=self._clock, seconds=wait_s)
            if any(began < at <= self._clock.now() for at in times):
                self._changes.note()
        return self._changes.count

    async def state(self, id: str) -> ErrandState | None:
        row = self._rows.get(id)
        if row is None or row.state == "gone":
            return None
        errand = row.errand
        state = _state_of(row, self._clock.now())
        return replace(state, body=errand.body, attributes=errand.attributes)

    async def list(
        self, filter: Filter, *, after: str = "", count_max: int = 100
    ) -> Sequence[ErrandState]:
        last = self._rows.get(after)
        before = last.seq if last and last.errand.app == filter.app else 0
        now = self._clock.now()
        rows = [row for row in self._meant(filter) if not after or row.seq < before]
        return [_state_of(row, now) for row in reversed(rows)][:count_max]

    async def revive(self, filter: Filter, *, count_max: int) -> Sequence[str]:
        dead = [row for row in self._meant(filter) if row.state == "dead"][:count_max]
        for row in dead:
            row.state, row.awake = "waiting", True
            row.attempt, row.lost, row.unsettled = 0, 0, False
            row.due, row.settled_at, row.expires_at = self._clock.now(), 0.0, 0.0
            row.errand = replace(row.errand, expires_at=0.0)
        self._changes.note()
        return [row.errand.id for row in dead]

    async def drop(self, filter: Filter, *, count_max: int, leased: bool = False) -> Sequence[str]:
        now = self._clock.now()
        found = [row for row in self._meant(filter) if leased or not row.is_leased(now)]
        dropped = found[-count_max:]
        for row in dropped:
            row.state, row.settled_at, row.lease = "gone", now, row.lease + 1
        self._changes.note()
        return [row.errand.id for row in dropped]

    async def lines(self, app: AppId, *, line: str = "") -> Sequence[LineStats]:
        now = self._clock.now()
        rows = [row for row in self._rows.values() if row.errand.app == app]
        rows = [row for row in rows if line in {"", row.errand.line}]
        lines = sorted({row.errand.line for row in rows if row.open or row.state == "dead"})
        return [
            _stats(line, app, [row for row in rows if row.errand.line == line], now)
            for line in lines
        ]

    async def sweep(
        self, *, older_than_s: float, spare: Callable[[str], bool] | None = None
    ) -> int:
        now = self._clock.now()
        mortal = [row for row in self._rows.values() if row.state == "waiting" and row.expires_at]
        for line in {row.errand.line for row in mortal}:
            self._wake(line, now, bury=spare is None or not spare(line))
        self._changes.note()
        until = now - older_than_s
        over = [row for row in self._rows.values() if row.state in {"done", "gone"}]
        old = [row.errand.id for row in over if row.settled_at < until]
        for id in old:
            del self._rows[id]
        return len(old)

    async def erase(self, app: AppId) -> None:
        self._rows = {id: row for id, row in self._rows.items() if row.errand.app != app}

    def _of_line(self, line: str) -> Iterator[_Row]:
        return (row for row in self._rows.values() if row.errand.line == line and row.open)

    def _publish(self, errand: Errand) -> bool:
        if errand.id in self._rows:  # Twice in one call.
            return False
        now = self._clock.now()
        due, first_at = max(now, errand.not_before), now
        for row in self._of_line(errand.line) if errand.replaces else ():
            if row.errand.replaces == errand.replaces and row.lease == 0:
                row.state, row.settled_at = "gone", now
                first_at = min(first_at, row.first_at)
        if errand.replaces and errand.replaced_s_max:
            due = max(now, min(due, first_at + errand.replaced_s_max))
        self._last_seq += 1
        self._rows[errand.id] = _Row(
            errand=errand,
            seq=self._last_seq,
            published_at=now,
            first_at=first_at,
            due=due,
            awake=due <= now,
            expires_at=errand.expires_at,
        )
        return True

    def _wake(self, line: str, now: float, *, bury: bool = True) -> None:
        """Let what is due be leased, and what is too old die. An ended lease stays current."""
        for row in self._of_line(line):
            if row.due <= now:
                row.state, row.awake = "waiting", True
            if bury and row.state == "waiting" and 0 < row.expires_at <= now:
                row.state = "gone" if row.errand.fades else "dead"
                row.settled_at, row.reason = now, EXPIRED
                row.lease += 1

    def _may_be_leased(self, row: _Row, now: float, chosen: Sequence[_Row]) -> bool:
        """Look at all others of its key: the smallest limit of those not settled counts."""
        errand = row.errand
        if not errand.key:
            return True
        mates = [mate for mate in self._of_line(errand.line) if mate.errand.key == errand.key]
        at_once = min(mate.errand.at_once for mate in mates)
        leased = sum(mate.is_leased(now) or mate in chosen for mate in mates)
        first = min(mate.seq for mate in mates)
        return leased < at_once and (at_once > 1 or row.seq == first)

    def _followers(self, first: _Row) -> builtins.list[_Row]:
        """Find those of its key that may go with it: all that come next and are not delayed."""
        key = first.errand.key
        if not key or first.errand.at_once > 1:
            return []
        mates = [row for row in self._of_line(first.errand.line) if row.errand.key == key]
        later = [row for row in mates if row.seq > first.seq]
        return builtins.list(takewhile(lambda row: row.awake, later))

    def _current(self, delivery: Delivery) -> _Row | None:
        row = self._rows.get(delivery.errand.id)
        if row is None or not row.open or row.errand.line != delivery.errand.line:
            return None
        same = (row.seq, row.lease, row.attempt) == (
            delivery.seq,
            delivery.lease,
            delivery.attempt,
        )
        return row if same else None

    def _settle(self, delivery: Delivery, settlement: Settlement) -> bool:
        row = self._current(delivery)
        if row is None:
            return False
        now = self._clock.now()
        row.due, row.reason = now, ""
        row.lease, row.unsettled = row.lease + 1, False
        match settlement:
            case Done(result):
                row.state, row.settled_at, row.result = "done", now, result
            case Dead(reason):
                row.state, row.settled_at, row.reason = "dead", now, reason
            case Later(delay_s, reason):
                row.state, row.due, row.reason = "waiting", now + delay_s, reason
            case Returned(delay_s):
                row.state, row.due, row.attempt = "waiting", now + delay_s, row.attempt - 1
            case Moved():
                _move(row, settlement)
        row.awake = row.due <= now
        return True

    def _meant(self, filter: Filter) -> builtins.list[_Row]:
        now = self._clock.now()
        rows = [row for row in self._rows.values() if row.errand.app == filter.app]
        return [row for row in rows if row.state != "gone" and _fits(row, filter, now)]


def _move(row: _Row, moved: Moved) -> None:
    errand = row.errand
    row.expires_at = row.expires_at if moved.expires_at is None else moved.expires_at
    row.errand = replace(
        errand,
        line=moved.line,
        attributes=errand.attributes if moved.attributes is None else moved.attributes,
        expires_at=row.expires_at,
    )
    row.state, row.attempt, row.lost, row.first_leased_at = "waiting", 0, 0, 0.0


def _fits(row: _Row, filter: Filter, now: float) -> bool:
    return (
        filter.state in {"", row.standing(now)}
        and filter.line in {"", row.errand.line}
        and (not filter.ids or row.errand.id in filter.ids)
        and filter.reason_contains in row.reason
        and filter.published_since <= row.published_at
        and (not filter.published_until or row.published_at < filter.published_until)
    )


def _stats(line: str, app: AppId, rows: Sequence[_Row], now: float) -> LineStats:
    still = [row for row in rows if row.open]
    leased = sum(row.is_leased(now) for row in still)
    waiting = sum(not row.is_leased(now) and row.due <= now for row in still)
    return LineStats(
        line=line,
        app=app,
        waiting=waiting,
        delayed=len(still) - leased - waiting,
        leased=leased,
        dead=sum(row.state == "dead" for row in rows),
        oldest_at=min((row.published_at for row in still), default=0.0),
    )


def _delivery(row: _Row) -> Delivery:
    return Delivery(
        errand=row.errand,
        attempt=row.attempt,
        leased_until=row.due,
        published_at=row.published_at,
        seq=row.seq,
        lease=row.lease,
        lost=row.lost,
        first_leased_at=row.first_leased_at,
    )


def _state_of(row: _Row, now: float) -> ErrandState:
    errand, standing = row.errand, row.standing(now)
    return ErrandState(
        id=errand.id,
        app=errand.app,
        line=errand.line,
        function=errand.function,
        state=standing,
        attempt=row.attempt,
        lost=row.lost,
        published_at=row.published_at,
        settled_at=row.settled_at,
        not_before=row.due if standing == "waiting" else 0.0,
        key=errand.key,
        event=errand.event,
        root=errand.root,
        depth=errand.depth,
        result=row.result,
        reason=row.reason,
        seq=row.seq,
        lease=row.lease,
    )
