"""What all stats must do."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.model.errors import Invalid
from tapwater_server.ports.ledger import DAY_S, HOUR_S
from tapwater_server.ports.meter import Asked
from tapwater_server.ports.stats import (
    BUCKET_FACTOR,
    BUCKETS_MAX,
    SeriesWanted,
    bucket_of,
    percentile,
    upper_ms,
)
from tapwater_server.testing.clock import ManualClock
from tests.conformance.opened_meters import BACKENDS, T0, Metering, call, sqlite

MINUTE_S = 60.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now=T0 + HOUR_S)


@pytest.fixture(params=sorted(BACKENDS))
async def metering(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Metering]:
    async with BACKENDS[request.param](tmp_path, clock) as opened:
        yield opened


async def test_sta_1_everything_of_a_point(metering: Metering) -> None:
    meter = metering.meter
    meter.note(call())
    meter.note(call(cold=True, start_ms=8.0, queue_ms=10.0, memory_peak_bytes=200 << 20))
    meter.note(call(ending="timed_out", wall_ms=1000.0))
    meter.note(call(ending="cancelled"))
    (point,) = await metering.stats.series(SeriesWanted(since=T0, until=T0 + MINUTE_S))
    assert (point.at, point.key, point.calls, point.errors, point.cold) == (T0, (), 4, 1, 1)
    assert point.endings == {"ok": 2, "timed_out": 1, "cancelled": 1}
    assert point.wall_ms == pytest.approx(1360.0)
    assert point.cpu_ms == pytest.approx(6.0)
    assert (point.queue_ms, point.start_ms) == pytest.approx((10.75, 8.0))
    assert (point.bytes_in, point.bytes_out, point.memory_peak_bytes) == (40, 80, 200 << 20)
    assert sum(point.latency.values()) == 4
    assert point.starts == {bucket_of(8.0): 1}


async def test_sta_1_steps_and_keys(metering: Metering) -> None:
    for minute in range(6):
        metering.meter.note(call(at=T0 + minute * MINUTE_S))
        metering.meter.note(call(at=T0 + minute * MINUTE_S, function="users/list"))
        await metering.meter.flush()

    async def series(**wanted: object) -> list[tuple[float, tuple[str, ...], int]]:
        asked = SeriesWanted(until=T0 + 6 * MINUTE_S, **({"since": T0} | wanted))  # type: ignore[arg-type]
        found = await metering.stats.series(asked)
        return [((point.at - T0) / MINUTE_S, point.key, point.calls) for point in found]

    assert await series() == [(0, (), 12)]
    assert await series(step_s=60) == [(n, (), 2) for n in range(6)]
    assert await series(step_s=90) == [(0, (), 4), (2, (), 4), (4, (), 4)]
    assert await series(step_s=180, by=("function",)) == [
        (0, ("users/list",), 3),
        (0, ("users/register",), 3),
        (3, ("users/list",), 3),
        (3, ("users/register",), 3),
    ]
    assert await series(since=T0 + 4 * MINUTE_S) == [(4, (), 4)]
    assert await series(function="users/list") == [(0, (), 6)]
    assert await series(app="blog") == []
    assert await series(route="/users-api/register", revision="r1") == [(0, (), 12)]


async def test_sta_1_no_record_is_read(tmp_path: Path, clock: ManualClock) -> None:
    async with sqlite(tmp_path, clock) as metering:
        metering.meter.note(call())
        await metering.meter.flush()
        with sqlite3.connect(tmp_path / "meter.db") as other:
            other.execute("DELETE FROM block")
        other.close()
        (point,) = await metering.stats.series(SeriesWanted(since=T0, until=T0 + HOUR_S))
        assert point.calls == 1


async def test_sta_2_percentiles_of_sums(metering: Metering) -> None:
    for n in range(1, 1001):
        metering.meter.note(call(at=T0 + n % 10 * MINUTE_S, queue_ms=0.0, wall_ms=float(n)))
    wanted = SeriesWanted(since=T0, until=T0 + HOUR_S)
    (point,) = await metering.stats.series(wanted)
    for share in (0.01, 0.5, 0.9, 0.99):
        exact = share * 1000
        assert exact / BUCKET_FACTOR <= point.latency_ms(share) <= exact * BUCKET_FACTOR


def test_sta_2_a_bucket_holds_what_it_says() -> None:
    for ms in (0.0, 0.001, 0.01, 0.011, 1.0, 99.9, 3_600_000.0):
        bucket = bucket_of(ms)
        assert ms <= upper_ms(bucket) * (1 + 1e-6)
        assert bucket == 0 or ms > upper_ms(bucket - 1)
    for bucket in range(BUCKETS_MAX):
        assert bucket_of(upper_ms(bucket)) == bucket
    assert bucket_of(1e30) == BUCKETS_MAX
    assert percentile({}, 0.5) == 0.0


async def test_sta_3_minutes_go_and_hours_stay(tmp_path: Path, clock: ManualClock) -> None:
    async with sqlite(tmp_path, clock) as metering:
        meter = metering.meter
        assert isinstance(meter, SqliteMeter)
        for n in range(4):
            meter.note(call(at=T0 + n * 20 * MINUTE_S))
        await meter.flush()

        async def points(step_s: float) -> list[int]:
            wanted = SeriesWanted(since=T0, until=T0 + 2 * HOUR_S, step_s=step_s)
            return [point.calls for point in await metering.stats.series(wanted)]

        assert await points(60) == [1, 1, 1, 1]
        clock.jump(3 * DAY_S)
        await meter.prune(older_than_s=7 * DAY_S)
        assert await points(60) == [1, 1, 1, 1]  # By ten minutes now.
        clock.jump(20 * DAY_S)
        await meter.prune(older_than_s=7 * DAY_S)
        assert await meter.records(Asked()) == []
        assert await points(60) == [3, 1]  # By the hour.
        clock.jump(60 * DAY_S)
        await meter.prune(older_than_s=7 * DAY_S)
        assert await points(0) == [4]
        clock.jump(60 * DAY_S)
        await meter.prune(older_than_s=200 * DAY_S)
        assert await points(0) == [4]
        await meter.prune(older_than_s=7 * DAY_S)
        assert await points(0) == []


@pytest.mark.parametrize(
    "wanted",
    [
        SeriesWanted(since=T0, until=T0 + 1, by=("colour",)),
        SeriesWanted(since=T0, until=T0),
        SeriesWanted(since=0, until=T0, step_s=1),
        SeriesWanted(since=0, until=T0, step_s=-1),
    ],
)
async def test_sta_1_series_that_are_not_kept_are_refused(
    metering: Metering, wanted: SeriesWanted
) -> None:
    with pytest.raises(Invalid):
        await metering.stats.series(wanted)
