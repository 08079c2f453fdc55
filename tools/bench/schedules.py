"""How exact schedules are: 10,000 of them on real files, how late each time was on disk."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.backends.sqlite.schedules import SqliteSchedules
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.events.ends import PlainPlaces
from tapwater_server.events.sources.schedule import Ticker
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Schedule, TargetKind
from tools.bench.results import Result, Table

APP = AppId("bench")
BEGIN_S = 3.0  # Times that come while all is set up are not counted.


@dataclass(frozen=True, slots=True)
class Found:
    """How late each time was, sorted, and the CPU time it took a minute."""

    late_s: Sequence[float]
    cpu_s: float

    def part(self, share: float) -> float:
        """Give a percentile in milliseconds."""
        return self.late_s[min(int(len(self.late_s) * share), len(self.late_s) - 1)] * 1000


class _Timed(SqliteEventLog):
    """A log that notes how late each event was when it was on disk."""

    late_s: list[float]

    async def append(self, events: Sequence[Event]) -> int:
        new = await super().append(events)
        now = time.time()
        self.late_s += [now - float(event.id.rpartition(".")[2]) for event in events]
        return new


def measure(*, schedules: int = 10_000, seconds: float = 60.0) -> Result:
    """Let times come: spread over each minute, and all at the same moment."""
    spread = asyncio.run(_run(lambda number: f"{number % 60} * * * * *", schedules, seconds))
    at_once = asyncio.run(_run(lambda _: "*/20 * * * * *", schedules, seconds))
    rows = [
        (f"{schedules:,} schedules, each once a minute, spread over it", *_row(spread)),
        (f"{schedules:,} schedules, all at the same moment, every 20 s", *_row(at_once)),
    ]
    table = Table(
        title="Schedules",
        head=("", "times", "p50 ms", "p99 ms", "max ms", "CPU s a minute"),
        rows=rows,
        note="Lateness from the time that was due to the event being on disk (fsynced).",
    )
    return Result(
        tables=[table], numbers={"spread": _numbers(spread), "at_once": _numbers(at_once)}
    )


async def _run(times: Callable[[int], str], schedules: int, seconds: float) -> "Found":
    with tempfile.TemporaryDirectory() as folder:
        clock, ids = SystemClock(), SystemIds()
        data = Database(Path(folder) / "data.db", schema="data")
        errands = Database(Path(folder) / "bus.db", schema="bus")
        log = _Timed(database=data, clock=clock)
        log.late_s = []
        kept = SqliteSchedules(database=data)
        bus = SqliteBus(database=errands, clock=clock)
        ticker = Ticker(
            schedules=kept,
            functions=lambda: (),
            log=log,
            bus=bus,
            places=PlainPlaces(bus=bus, log=log, clock=clock),
            clock=clock,
            ids=ids,
        )
        await asyncio.gather(
            *(kept.put(_schedule(number, times(number))) for number in range(schedules))
        )
        loop = asyncio.ensure_future(ticker.run())
        await asyncio.sleep(BEGIN_S)
        log.late_s.clear()
        cpu = time.process_time()
        await asyncio.sleep(seconds)
        found = Found(sorted(log.late_s), (time.process_time() - cpu) / seconds * 60)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        await errands.close()
        await data.close()
        return found


def _schedule(number: int, times: str) -> Schedule:
    return Schedule(
        id=f"s{number}",
        app=APP,
        name=f"s{number}",
        times=times,
        kind=TargetKind.EVENT,
        target="bench.tick",
        since=time.time(),
    )


def _row(found: Found) -> tuple[str, ...]:
    numbers = (found.part(0.5), found.part(0.99), found.part(1.0))
    return (
        f"{len(found.late_s):,}",
        *(f"{one:.0f}" for one in numbers),
        f"{found.cpu_s:.2f}",
    )


def _numbers(found: Found) -> dict[str, float]:
    return {
        "times": len(found.late_s),
        "p50_ms": found.part(0.5),
        "p99_ms": found.part(0.99),
        "max_ms": found.part(1.0),
        "cpu_s_per_minute": found.cpu_s,
    }
