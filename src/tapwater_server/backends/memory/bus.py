"""The reference bus: what the durable one must behave like, in a dictionary."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tapwater_server.ports.bus import Delivery, Errand, ErrandState
from tapwater_server.ports.clock import Clock, wait_either


@dataclass(slots=True, kw_only=True)
class _Row:
    errand: Errand
    published_at: float
    hidden_until: float
    state: str = "waiting"
    attempt: int = 0
    result: bytes = b""
    reason: str = ""
    settled_at: float = 0.0


class MemoryBus:
    """Keeps the promises BUS-2 to BUS-7; BUS-1's durability ends with the process."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._changed = asyncio.Event()

    async def publish(self, errands: Sequence[Errand]) -> None:
        now = self._clock.now()
        for errand in errands:
            hidden_until = max(now, errand.not_before)
            self._rows.setdefault(
                errand.id, _Row(errand=errand, published_at=now, hidden_until=hidden_until)
            )
        self._changed.set()

    async def lease(self, *, count_max: int, lease_s: float) -> Sequence[Delivery]:
        now = self._clock.now()
        open_rows = [row for row in self._rows.values() if row.state in {"waiting", "leased"}]
        ready = [row for row in open_rows if row.hidden_until <= now][:count_max]
        for row in ready:
            row.state, row.hidden_until = "leased", now + lease_s
            row.attempt += 1
        return [
            Delivery(
                errand=row.errand,
                attempt=row.attempt,
                leased_until=row.hidden_until,
                published_at=row.published_at,
            )
            for row in ready
        ]

    async def ack(self, delivery: Delivery, *, result: bytes) -> bool:
        return self._settle(delivery, state="done", result=result)

    async def retry(self, delivery: Delivery, *, delay_s: float, reason: str) -> bool:
        return self._settle(delivery, state="waiting", delay_s=delay_s, reason=reason)

    async def release(self, delivery: Delivery, *, delay_s: float) -> bool:
        return self._settle(
            delivery, state="waiting", delay_s=delay_s, attempt=delivery.attempt - 1
        )

    async def bury(self, delivery: Delivery, *, reason: str) -> bool:
        return self._settle(delivery, state="dead", reason=reason)

    async def state(self, id: str) -> ErrandState | None:
        row = self._rows.get(id)
        return _state_of(row) if row else None

    async def dead(self, *, app: str, count_max: int) -> Sequence[ErrandState]:
        dead = [r for r in self._rows.values() if r.state == "dead" and r.errand.app == app]
        return [_state_of(row) for row in dead[:count_max]]

    async def sweep(self, *, older_than_s: float) -> int:
        until = self._clock.now() - older_than_s
        old = [i for i, row in self._rows.items() if row.state == "done" and row.settled_at < until]
        for id in old:
            del self._rows[id]
        return len(old)

    async def wait_published(self) -> None:
        now = self._clock.now()
        times = [
            row.hidden_until for row in self._rows.values() if row.state in {"waiting", "leased"}
        ]
        self._changed.clear()
        if not times:
            await self._changed.wait()
        elif min(times) > now:
            await wait_either(self._changed, clock=self._clock, seconds=min(times) - now)

    def _settle(
        self,
        delivery: Delivery,
        *,
        state: str,
        delay_s: float = 0.0,
        attempt: int | None = None,
        result: bytes = b"",
        reason: str = "",
    ) -> bool:
        row = self._rows.get(delivery.errand.id)
        if row is None or row.state != "leased" or row.attempt != delivery.attempt:
            return False
        if row.hidden_until != delivery.leased_until:  # Released, and leased again by another.
            return False
        now = self._clock.now()
        row.state, row.hidden_until, row.settled_at = state, now + delay_s, now
        row.result, row.reason = result, reason
        row.attempt = row.attempt if attempt is None else attempt
        self._changed.set()
        return True


def _state_of(row: _Row) -> ErrandState:
    errand = row.errand
    return ErrandState(
        id=errand.id,
        app=errand.app,
        function=errand.function,
        state=row.state,
        attempt=row.attempt,
        published_at=row.published_at,
        result=row.result,
        reason=row.reason,
    )
