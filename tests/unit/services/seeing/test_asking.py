"""What questions to logs, records and numbers mean, and which mean nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.stats import Point, SeriesWanted, bucket_of
from tapwater_server.services.seeing.searching import wanted_lines, wanted_records
from tapwater_server.services.seeing.series import Series
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.asked import Asked

ADMIN = Principal(name="admin", admin=True)
HOLDER = Principal(name="ci", apps=frozenset({AppId("shop")}))


def asked(query: Mapping[str, str], who: Principal = ADMIN) -> Asked:
    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    return Asked(app=AppId(""), who=who, method="GET", path="/", query=query, chunks=nothing)


def test_lines_are_narrowed_by_everything() -> None:
    query = {
        "app": "shop",
        "function": "users/hi",
        "invocation": "i1",
        "level": "error",
        "text": "no",
        "trace": "t" * 32,
        "field.order": "17",
        "field.shop.name": "a b",
        "since": "1.5",
        "until": "9",
        "after": "7",
        "limit": "3",
    }
    wanted = wanted_lines(asked(query))
    assert (wanted.app, wanted.function, wanted.invocation) == ("shop", "users/hi", "i1")
    assert (wanted.level, wanted.text, wanted.trace) == ("error", "no", "t" * 32)
    assert wanted.fields == {"order": "17", "shop.name": "a b"}
    assert (wanted.since, wanted.until, wanted.after_seq, wanted.count_max) == (1.5, 9.0, 7, 3)
    assert wanted_lines(asked({"before": "7"})).before_seq == 7


def test_records_are_narrowed_by_everything() -> None:
    query = {
        "ending": "failed",
        "fault": "f",
        "user": "u",
        "route": "/users-api/{id}",
        "revision": "r",
        "took_min": "250",
        "before": "i9",
    }
    wanted = wanted_records(asked(query))
    assert (wanted.ending, wanted.fault, wanted.user) == ("failed", "f", "u")
    assert (wanted.route, wanted.revision) == ("/users-api/{id}", "r")
    assert (wanted.took_ms_min, wanted.before, wanted.count_max) == (250.0, "i9", 100)


@pytest.mark.parametrize(
    "query",
    [
        {"level": "loud"},
        {"after": "1", "before": "2"},
        {"after": "-1"},
        {"limit": "0"},
        {"limit": "10001"},
        {"since": "yesterday"},
        {"since": "nan"},
        {"text": "x" * 1001},
        {"field.": "x"},
        {f"field.{'n' * 900}": "x" * 200},
        {f"field.{n}": "x" for n in range(9)},
    ],
)
def test_lines_that_cannot_be_asked_for(query: Mapping[str, str]) -> None:
    with pytest.raises(Invalid):
        wanted_lines(asked(query))


@pytest.mark.parametrize("query", [{"ending": "badly"}, {"took_min": "-1"}, {"before": "x" * 1001}])
def test_records_that_cannot_be_asked_for(query: Mapping[str, str]) -> None:
    with pytest.raises(Invalid):
        wanted_records(asked(query))


def test_nobody_asks_for_an_app_that_is_not_theirs() -> None:
    assert wanted_lines(asked({}, HOLDER)).app == "shop"
    with pytest.raises(NotFound):
        wanted_lines(asked({"app": "other"}, HOLDER))
    with pytest.raises(NotFound):
        wanted_records(asked({"app": "other"}, HOLDER))


@dataclass
class Written:
    """Stats that remember what they were asked."""

    points: Sequence[Point] = ()
    asked: list[SeriesWanted] = field(default_factory=list)

    async def series(self, wanted: SeriesWanted) -> Sequence[Point]:
        self.asked.append(wanted)
        return self.points


async def read(query: Mapping[str, str], stats: Written, who: Principal = ADMIN) -> Any:
    return await Series(stats=stats, clock=ManualClock(now=10_000.0)).read(asked(query, who))


async def test_numbers_are_of_the_last_hour_unless_said_otherwise() -> None:
    stats = Written()
    answer = await read({}, stats)
    assert answer["points"] == []
    assert stats.asked == [SeriesWanted(since=6_400.0, until=10_000.0)]
    await read({"since": "0", "until": "600", "step": "60", "by": "function,route"}, stats, HOLDER)
    assert stats.asked[1] == SeriesWanted(
        since=0.0, until=600.0, step_s=60.0, by=("function", "route"), app=AppId("shop")
    )


async def test_a_point_is_written_with_its_percentiles() -> None:
    point = Point(
        at=60.0,
        key=("users/hi",),
        calls=100,
        latency={bucket_of(1.0): 99, bucket_of(100.0): 1},
        starts={bucket_of(4.0): 1},
    )
    (said,) = (await read({}, Written(points=[point])))["points"]
    assert 0.9 < said["latency_ms"]["p50"] < 1.1
    assert said["latency_ms"]["p99"] == said["latency_ms"]["p50"]
    assert 3.5 < said["start_ms"]["p50"] < 4.5
    assert (said["at"], said["key"], said["calls"]) == (60.0, ("users/hi",), 100)


@pytest.mark.parametrize(
    "query",
    [
        {"by": "user"},
        {"by": "app,app"},
        {"since": "9", "until": "8"},
        {"since": "0", "until": "1e9", "step": "60"},
        {"step": "-1"},
    ],
)
async def test_numbers_that_cannot_be_asked_for(query: Mapping[str, str]) -> None:
    with pytest.raises(Invalid):
        await read(query, Written())


async def test_more_points_than_anybody_reads_are_refused() -> None:
    with pytest.raises(Invalid, match="longer step"):
        await read({}, Written(points=[Point(at=0.0)] * 20_001))
