"""The numbers of the last second, and their sums since the start: kept in memory, off the hot path.

A call costs one append to a list. Once a second a loop adds up what came; those who watch live,
the counters of Prometheus and the alarms read the same sums.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Record
from tapwater_server.services.seeing.now import FunctionNow, NodeNow
from tapwater_server.services.seeing.seen import Seen
from tapwater_server.services.seeing.series import latency_says

EVERY_S = 1.0
AT_ONCE_MAX = 500  # Records added up before the loop may do something else: half a millisecond.
FUNCTIONS_MAX = 5_000  # Counted by themselves; more count as "(other)".
BUSIEST_MAX = 20
OTHER = "(other)"

Key = tuple[str, str]  # app, function
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One second."""

    at: float
    seen: Mapping[Key, Seen] = field(default_factory=dict)
    failed: Sequence[Record] = ()  # the calls of it that are somebody's mistake


class Pulse:
    """Adds up. ``run()`` must run beside it; ``note`` is for the meter to call."""

    def __init__(self, *, now: Callable[[], NodeNow], clock: Clock) -> None:
        self._now, self._clock = now, clock
        self._came: list[Record] = []
        self.note: Callable[[Record], None] = self._came.append
        self.totals: dict[Key, Seen] = {}
        self._listeners: list[Callable[[Beat], None]] = []
        self._beat = Beat(at=clock.now())
        self._standing: tuple[Beat, NodeNow] | None = None
        self._ticks: dict[tuple[AppId | None, str | None], bytes] = {}
        self._next: asyncio.Future[Beat] | None = None
        self._adding = False

    def when_beaten(self, told: Callable[[Beat], None]) -> None:
        """Whom to call with each second. What it raises is told to the log, and nobody else."""
        self._listeners.append(told)

    async def run(self) -> None:
        """Beat once a second, until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            await self.step()

    async def step(self) -> int:
        """Add up what came since the last beat; say how many calls that were."""
        self._adding = True
        came = self._came.copy()
        self._came.clear()  # The same list: whoever holds its append goes on with it.
        seen: dict[Key, Seen] = {}
        for start in range(0, len(came), AT_ONCE_MAX):
            if start:
                await self._clock.sleep(0)
            self._add(seen, came[start : start + AT_ONCE_MAX])
        for key, more in seen.items():
            self.totals.setdefault(key, Seen()).add(more)
        failed = [one for one in came if one.fault]
        self._tell(Beat(at=self._clock.now(), seen=seen, failed=failed))
        self._adding = False
        return len(came)

    async def failed_told(self) -> None:
        """Wait until every failed call that came so far was told of: a second at most. Who asks for
        errors right after one must find it.
        """
        if self._adding or any(one.fault for one in self._came):
            await self._wait_next()

    def forget(self, app: AppId) -> None:
        """Keep no counts of an app that is gone."""
        self.totals = {key: seen for key, seen in self.totals.items() if key[0] != app}

    async def live(self, app: AppId | None, function: str | None) -> AsyncIterator[bytes]:
        """Give each second as a server-sent event, until nobody reads on. The latest comes first;
        who reads slowly misses some.
        """
        beat = self._beat
        while True:
            yield self._written(beat, app, function)
            beat = await self._wait_next()

    def tick(self, beat: Beat, app: AppId | None, function: str | None) -> Mapping[str, Any]:
        """Write a second for those who watch an app, a function, or all."""

        def wants(key: Key) -> bool:
            return (app is None or key[0] == app) and (function is None or key[1] == function)

        seen = {key: one for key, one in beat.seen.items() if wants(key)}
        standing = {key: one for key, one in self._stood(beat).functions.items() if wants(key)}
        total = _sum(seen.values())
        busiest = sorted(
            seen.keys() | standing.keys(),
            key=lambda key: (-seen[key].calls if key in seen else 0, key),
        )[:BUSIEST_MAX]
        return {
            "at": beat.at,
            "calls": total.calls,
            "errors": total.errors,
            "cold": total.cold,
            "in_flight": sum(one.in_flight for one in standing.values()),
            "instances": sum(one.instances for one in standing.values()),
            "waiting": sum(one.waiting for one in standing.values()),
            "latency_ms": latency_says(total.latency),
            "functions": [_line(key, seen.get(key, Seen()), standing.get(key)) for key in busiest],
        }

    def _stood(self, beat: Beat) -> NodeNow:
        """How the node stands: looked at once for a second, and only if somebody watches."""
        if self._standing is None or self._standing[0] is not beat:
            self._standing, self._ticks = (beat, self._now()), {}
        return self._standing[1]

    def _written(self, beat: Beat, app: AppId | None, function: str | None) -> bytes:
        """Write a second once for all who watch the same."""
        self._stood(beat)
        event = self._ticks.get((app, function))
        if event is None:
            said = msgspec.json.encode(self.tick(beat, app, function))
            event = self._ticks[app, function] = b"event: tick\ndata: " + said + b"\n\n"
        return event

    def _add(self, seen: dict[Key, Seen], records: Iterable[Record]) -> None:
        groups: dict[Key, list[Record]] = {}
        for record in records:
            key = (record.app, record.function)
            group = groups.get(key)
            if group is None:
                group = groups[key] = []
            group.append(record)
        for key, calls in groups.items():
            (seen.get(key) or self._place(seen, key)).note(calls)

    def _place(self, seen: dict[Key, Seen], key: Key) -> Seen:
        full = len(self.totals) + len(seen) >= FUNCTIONS_MAX
        if full and key not in self.totals:
            key = (OTHER, OTHER)
        return seen.setdefault(key, Seen())

    def _tell(self, beat: Beat) -> None:
        self._beat = beat
        waiting, self._next = self._next, None
        if waiting is not None and not waiting.done():
            waiting.set_result(beat)
        for told in self._listeners:
            try:
                told(beat)
            except Exception:
                # A border: one that fails must not stop the others, nor the counting.
                _log.exception("somebody who hears of each second failed")

    async def _wait_next(self) -> Beat:
        if self._next is None or self._next.done():
            self._next = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._next)


def _sum(some: Iterable[Seen]) -> Seen:
    total = Seen()
    for one in some:
        total.add(one)
    return total


def _line(key: Key, seen: Seen, standing: FunctionNow | None) -> Mapping[str, Any]:
    return {
        "app": key[0],
        "function": key[1],
        "calls": seen.calls,
        "errors": seen.errors,
        "cold": seen.cold,
        "in_flight": standing.in_flight if standing else 0,
        "instances": standing.instances if standing else 0,
        "waiting": standing.waiting if standing else 0,
        "latency_ms": latency_says(seen.latency),
    }
