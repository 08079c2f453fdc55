"""Schedules of the API: what is checked, what a change keeps, what is shown."""

from datetime import datetime

import msgspec
import pytest

from tapwater_server.backends.memory.schedules import MemorySchedules
from tapwater_server.model.errors import Invalid, NotFound, TooLarge
from tapwater_server.model.function import Function, Kind, Style, Trigger
from tapwater_server.model.ids import AppId, FunctionId
from tapwater_server.model.schedule import Schedule, TargetKind
from tapwater_server.ports.schedules import Mark
from tapwater_server.services.schedules.drafting import PAYLOAD_BYTES_MAX, ScheduleAsked
from tapwater_server.services.schedules.service import ScheduleService
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")
NOON = 1_800_014_400.0  # 2027-01-15 12:00 UTC
BEAT = Function(
    id=FunctionId(SHOP, "jobs/beat"),
    kind=Kind.REACTIVE,
    style=Style.EVENT,
    file="jobs/reactive/beat.py",
    group="jobs",
    triggers=(Trigger(source="schedule", arguments={"cron": "every 1h"}),),
)


class House:
    """The service in memory; what it runs at once is written down."""

    def __init__(self) -> None:
        self.clock, self.schedules = ManualClock(now=NOON), MemorySchedules()
        self.ran: list[str] = []
        self.service = ScheduleService(
            schedules=self.schedules,
            runs=self,
            functions=lambda app: [BEAT] if app == SHOP else [],
            clock=self.clock,
            ids=CountingIds(),
        )

    async def run_now(self, schedule: Schedule) -> str:
        self.ran.append(schedule.name)
        return f"run.{len(self.ran)}"

    async def run_function_now(self, function: Function) -> str:
        self.ran.append(function.id.name)
        return f"run.{len(self.ran)}"

    async def put(self, name: str = "it", **said: object) -> Schedule:
        return await self.service.put(SHOP, name, asked(**said))


def asked(**said: object) -> ScheduleAsked:
    return msgspec.convert({"target": "queue:q", **said}, ScheduleAsked)


@pytest.fixture
def house() -> House:
    return House()


async def test_a_change_of_what_is_told_keeps_how_far_it_has_come(house: House) -> None:
    first = await house.put(times="@hourly")
    await house.clock.advance(100)
    same = await house.put(times="@hourly", target="topic:news", missed="all")
    assert (same.id, same.since) == (first.id, NOON)
    assert (same.kind, same.target) == (TargetKind.TOPIC, "news")
    other = await house.put(times="@daily")
    assert (other.id != first.id, other.since) == (True, NOON + 100)


async def test_resumed_it_goes_on_from_now(house: House) -> None:
    first = await house.put(times="@hourly")
    paused = await house.service.pause(SHOP, "it")
    assert house.service.standing(paused).next_at == 0.0
    assert await house.service.pause(SHOP, "it") == paused
    await house.clock.advance(7200)
    resumed = await house.service.resume(SHOP, "it")
    assert (resumed.id != first.id, resumed.since, resumed.paused) == (True, NOON + 7200, False)


async def test_a_put_over_a_paused_one_makes_up_for_nothing(house: House) -> None:
    await house.put(times="@hourly", paused=True)
    await house.clock.advance(7200)
    assert (await house.put(times="@hourly")).since == NOON + 7200


async def test_where_it_stands(house: House) -> None:
    schedule = await house.put(times="0 15 * * *", zone="Asia/Tokyo")
    assert house.service.standing(schedule).next_at == NOON + 18 * 3600
    mark = Mark(app=SHOP, key="s:it", said="", due_at=NOON, run_at=NOON - 60)
    await house.schedules.mark([mark])
    assert house.service.standing(schedule).last_due_at == NOON - 60
    [trigger] = house.service.triggered(SHOP)
    assert (trigger.function, trigger.next_at) == ("jobs/beat", NOON + 3600)


async def test_a_function_with_times_in_its_file_runs_now(house: House) -> None:
    assert await house.service.run_function(SHOP, "jobs/beat") == "run.1"
    assert house.ran == ["jobs/beat"]
    for app, name in ((SHOP, "jobs/other"), (AppId("other"), "jobs/beat")):
        with pytest.raises(NotFound):
            await house.service.run_function(app, name)


async def test_run_now(house: House) -> None:
    await house.put(times="@yearly")
    assert await house.service.run(SHOP, "it") == "run.1"
    for act in (house.service.run, house.service.pause, house.service.resume):
        with pytest.raises(NotFound):
            await act(SHOP, "other")


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("2027-01-15T13:00:00Z", 3600),
        ("2027-01-15T13:00:00+01:00", 0),
        ("2027-01-15T22:00:00", 3600),
        (NOON + 5, 5),
        ("2027-01-15T11:59:30Z", -30),
    ],
)
async def test_once_at(house: House, at: str | float, seconds: float) -> None:
    schedule = await house.put(at=at, zone="Asia/Tokyo")
    assert schedule.at == NOON + seconds
    assert schedule.since < schedule.at


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"times": "@daily", "at": NOON + 5},
        {"times": "99 * * * *"},
        {"times": "@daily", "zone": "Nowhere"},
        {"times": "@daily", "target": "q"},
        {"times": "@daily", "target": "pipe:q"},
        {"times": "@daily", "target": "queue:"},
        {"times": "@daily", "target": "function:a b"},
        {"times": "@daily", "target": "event:tapwater.schedule.tick"},
        {"at": "2027-01-15T11:58:00Z"},
        {"at": "soon"},
        {"at": "9999-12-31T23:59:59-23:59"},  # No clock could show it when it is listed.
        {"at": float("inf")},
    ],
)
async def test_what_is_wrong_is_refused(house: House, said: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        await house.service.put(SHOP, "it", asked(**said))
    assert not house.schedules.all()


async def test_a_payload_has_a_ceiling(house: House) -> None:
    large = msgspec.Raw(b'"' + b"x" * PAYLOAD_BYTES_MAX + b'"')
    with pytest.raises(TooLarge):
        await house.service.put(
            SHOP, "it", ScheduleAsked(target="queue:q", times="@daily", payload=large)
        )


def test_preview(house: House) -> None:
    found = house.service.preview("30 2 * * *", "Europe/Berlin", 2)
    local = [datetime.fromtimestamp(at).astimezone().timestamp() for at in found]
    assert local == [NOON + 13.5 * 3600, NOON + 37.5 * 3600]
    with pytest.raises(Invalid, match="no time zone"):
        house.service.preview("@daily", "Nowhere", 1)
