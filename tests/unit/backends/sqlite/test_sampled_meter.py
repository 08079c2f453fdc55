"""Where only a sample of what went well is kept: what failed is whole, and sums count all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.stats import SqliteStats
from tapwater_server.ports.meter import Asked, LogLine, Span
from tapwater_server.ports.stats import SeriesWanted
from tapwater_server.testing.clock import ManualClock
from tests.unit.services.seeing.given import call

TRACES = [f"{n:032x}" for n in range(0, 1 << 32, 1 << 27)]  # Spread evenly over the sample.


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(tmp_path / "meter.db", schema="meter")
    yield opened
    await opened.close()


def meter_of(database: Database, *, sample: float) -> SqliteMeter:
    return SqliteMeter(database=database, clock=ManualClock(), sample=sample)


def step(trace: str, *, ok: bool = True) -> Span:
    return Span(
        trace=trace,
        id="a",
        parent="",
        name="docs.get",
        kind="ask",
        at=100.0,
        took_ms=1.0,
        app="shop",
        ok=ok,
    )


async def test_what_failed_is_kept_with_its_trace_and_all_is_counted(database: Database) -> None:
    meter = meter_of(database, sample=0.0)
    for n, trace in enumerate(TRACES):
        ending = "timed_out" if n == 7 else "ok"
        meter.note(call(f"i{n:02}", trace=trace, ending=ending))
        meter.span(step(trace))
    meter.note(call("same", trace=TRACES[7]))
    meter.span(step(TRACES[9], ok=False))
    assert [one.id for one in await meter.records(Asked())] == ["same", "i07"]
    assert len(await meter.spans(TRACES[7])) == 1
    assert [one.ok for one in await meter.spans(TRACES[9])] == [False]
    assert await meter.spans(TRACES[8]) == []
    stats = SqliteStats(database=database, flush=meter.flush, clock=ManualClock())
    (point,) = await stats.series(SeriesWanted(since=0.0, until=200.0))
    assert (point.calls, point.errors) == (len(TRACES) + 1, 1)
    await meter.close()


async def test_an_answer_that_says_it_failed_is_kept(database: Database) -> None:
    meter = meter_of(database, sample=0.0)
    for trace, status in zip(TRACES, (200, 404, 499, 500, 503), strict=False):
        meter.note(call(f"s{status}", trace=trace, status=status))
    assert [one.id for one in await meter.records(Asked())] == ["s503", "s500"]
    await meter.close()


async def test_a_share_is_a_share_and_lines_are_never_left_out(database: Database) -> None:
    meter = meter_of(database, sample=0.25)
    for n, trace in enumerate(TRACES):
        meter.note(call(f"i{n:02}", trace=trace))
        meter.log(
            LogLine(
                at=100.0,
                app="shop",
                function="users/hi",
                invocation=f"i{n:02}",
                instance="x",
                level="info",
                text="hi",
            )
        )
    assert len(await meter.records(Asked())) == len(TRACES) / 4
    assert len(await meter.lines(Asked())) == len(TRACES)
    await meter.close()
