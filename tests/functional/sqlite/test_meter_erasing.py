"""An app that is gone leaves its sums and nothing else in the meter's file."""

import sqlite3
from pathlib import Path

from tapwater_server.model.ids import AppId
from tapwater_server.ports.ledger import Wanted
from tapwater_server.ports.meter import Asked, Use
from tests.conformance.meter_kit import line, record, span
from tests.functional.sqlite.test_meter_damaged import opened


async def test_records_lines_and_spans_of_one_app_go(tmp_path: Path) -> None:
    async with opened(tmp_path) as (meter, ledger):
        for n in range(3_000):
            app = "blog" if n % 3 == 0 and n < 1500 else "shop"
            meter.note(record(n, app=app, user="user-7", path=f"/{app}/secret-{n}"))
            meter.log(line(n, f"{app} says secret-{n}", app=app))
            meter.span(span(n))
        meter.use(Use(at=1000.0, app="shop", quantity="mails", amount=3))
        await meter.flush()
        before = await ledger.sums(Wanted(since=0.0, until=1e11, by=("app", "user")))
        await meter.erase("shop")
        found = await meter.records(Asked(count_max=10_000))
        assert [one.id for one in found] == [f"id-{n:06}" for n in range(1497, -1, -3)]
        lines = await meter.lines(Asked(count_max=10_000))
        assert [one.text for one in lines] == [f"blog says secret-{n}" for n in range(0, 1500, 3)]
        assert await meter.spans("a" * 32) == []  # All of them were of the shop.
        assert [one.id for one in await meter.records(Asked(app=AppId("blog"), user="user-7"))]
        assert await meter.records(Asked(app=AppId("shop"))) == []
        assert await ledger.sums(Wanted(since=0.0, until=1e11, by=("app", "user"))) == before
        meter.note(record(5_000, app="blog"))
        await meter.prune(older_than_s=1e12)
        assert len(await meter.records(Asked(count_max=10_000))) == 501
    with sqlite3.connect(tmp_path / "meter.db") as connection:
        (tallies,) = connection.execute("SELECT count(*) FROM tally WHERE app = 'shop'").fetchone()
        functions = connection.execute("SELECT DISTINCT functions FROM block").fetchall()
    connection.close()
    assert tallies == 0
    assert all("shop" not in one for (one,) in functions)
