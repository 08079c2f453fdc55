"""What another room has due: the loop tells it in time, once, and after a crash."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.timetables import Timed
from tests.unit.events.sources.ticking import MINUTE, NOON, SHOP, House

LINE = "x:shop:times"


class Table:
    """Things that are due each minute. Keeps ``Timetable``."""

    def __init__(self) -> None:
        self._held: dict[str, Timed] = {}
        self._told: Callable[[AppId, str], None] = lambda app, key: None
        self.ended: list[str] = []

    def timed(self, app: AppId, key: str) -> Timed | None:
        return self._held.get(key) if app == SHOP else None

    def all(self) -> Iterable[Timed]:
        return list(self._held.values())

    def watch(self, told: Callable[[AppId, str], None]) -> None:
        self._told = told

    async def over(self, timed: Timed) -> None:
        self.ended.append(timed.key)

    def put(self, key: str = "a", *, until: float = float("inf"), said: str = "1") -> None:
        def following(at: float) -> float | None:
            due = (at // MINUTE + 1) * MINUTE
            return due if due <= until else None

        def errand(due: float) -> Errand:
            return Errand(id=f"{key}.{due:.0f}", app=SHOP, line=LINE, body=b"")

        self._held[key] = Timed(
            app=SHOP, key=key, said=said, next_after=following, errand=errand, since=NOON
        )
        self._told(SHOP, key)

    def drop(self, key: str) -> None:
        del self._held[key]
        self._told(SHOP, key)


async def told(house: House) -> list[str]:
    leased = await house.bus.lease(LINE, count_max=100, lease_s=1e9)
    return [one.errand.id for one in leased]


def open_table() -> tuple[House, Table]:
    house, table = House(), Table()
    house.timetables.add(table)
    return house, table


async def test_each_time_is_told_once() -> None:
    house, table = open_table()
    table.put()
    await house.until(2.5 * MINUTE)
    assert await told(house) == [f"a.{NOON + MINUTE:.0f}", f"a.{NOON + 2 * MINUTE:.0f}"]


async def test_a_new_start_goes_on_where_it_was_and_makes_up_for_what_was_missed_once() -> None:
    house, table = open_table()
    table.put()
    await house.until(1.5 * MINUTE)
    await house.clock.advance(10 * MINUTE)
    house.start()
    await house.until(1.0)
    assert await told(house) == [f"a.{NOON + MINUTE:.0f}", f"a.{NOON + 11 * MINUTE:.0f}"]


async def test_what_comes_goes_or_changes_is_noticed() -> None:
    house, table = open_table()
    await house.until(1.0)
    table.put()
    table.put("b")
    await house.until(MINUTE)
    assert len(await told(house)) == 2
    table.drop("a")
    await house.until(MINUTE)
    assert await told(house) == [f"b.{NOON + 2 * MINUTE:.0f}"]
    assert [place for place in house.schedules.marks() if place[1] == "t:a"] == []


async def test_what_is_over_is_said_to_be() -> None:
    house, table = open_table()
    table.put(until=NOON + MINUTE)
    await house.until(3 * MINUTE)
    assert table.ended == ["a"]
    assert len(await told(house)) == 1


async def test_other_times_begin_anew() -> None:
    house, table = open_table()
    table.put()
    await house.until(1.5 * MINUTE)
    table.put(said="2")
    await house.until(1.0)
    # From when it was made: its errands have the same ids here, so nothing comes twice.
    assert await told(house) == [f"a.{NOON + MINUTE:.0f}"]
    first = table.timed(SHOP, "a")
    assert first is not None
    assert replace(first, said="1") != first
