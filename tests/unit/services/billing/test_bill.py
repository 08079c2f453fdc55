"""A bill is the ledger's sums, priced for each project, grouped as asked, adding up."""

import csv
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from html.parser import HTMLParser
from typing import ClassVar

import pytest

from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.pricing import add
from tapwater_server.ports.ledger import Sums, Wanted
from tapwater_server.services.billing.bill import Bills, BillWanted, check_by
from tapwater_server.services.billing.month import month_at, read_month
from tapwater_server.services.billing.page import HEADERS, bill_page
from tapwater_server.services.billing.shapes import bill_csv, bill_says
from tapwater_server.services.billing.shelf import Shelf
from tests.unit.services.billing.world import MONTH, OURS, World, costs, price


@pytest.fixture
def world() -> World:
    """Commerce: 40 calls, 10 of them free, and 100 reads. Press: 10 calls, all free."""
    made = World()
    made.call("shop", "orders/take", 20, user="ada")
    made.call("shop", "orders/list", 10, revision="r2", used={"doc_reads": 5})
    made.call("till", "sum", 10)
    made.use("shop", "doc_reads", 50, user="bob")
    made.call("blog", "read", 10)
    made.call("blog", "read", 7, at=MONTH.until)  # In the month after.
    return made


async def test_a_line_for_each_function(world: World) -> None:
    bill = await world.bill("app", "function")
    # Of 40 calls of the project 10 are free: each costs 0.10 x 30 / 40 = 0.075.
    assert costs(bill) == {
        ("shop", "orders/take"): "1.5",
        ("shop", "orders/list"): "1.25",
        ("till", "sum"): "0.75",
        ("shop", ""): "0.5",
        ("blog", "read"): "0",
    }
    assert bill.total == Decimal("4.00")
    assert bill.lines[0].key == ("shop", "orders/take"), "the dearest is first"


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        (("project",), {("commerce",): "4", ("press",): "0"}),
        (("group",), {("orders",): "2.75", ("",): "1.25"}),
        (("revision",), {("r1",): "2.25", ("r2",): "1.25", ("",): "0.5"}),
        (("day",), {("2026-11-01",): "4"}),
        ((), {(): "4"}),
        (
            ("user", "app"),
            {
                ("", "shop"): "1.25",
                ("ada", "shop"): "1.5",
                ("bob", "shop"): "0.5",
                ("", "till"): "0.75",
                ("", "blog"): "0",
            },
        ),
    ],
)
async def test_other_lines_have_the_same_total(
    world: World, by: tuple[str, ...], wanted: dict[tuple[str, ...], str]
) -> None:
    bill = await world.bill(*by)
    assert costs(bill) == wanted
    assert bill.total == 4


async def test_a_part_has_its_part_of_the_grants(world: World) -> None:
    whole = await world.bill("app", "function")
    for app in ("shop", "till", "blog"):
        part = await world.bill("app", "function", app=app)
        mine = [line.cost for line in whole.lines if line.key[0] == app]
        assert part.total == add(mine)
    only = await world.bill("function", app="shop", function="orders/take")
    assert costs(only) == {("orders/take",): "1.5"}


async def test_the_same_use_elsewhere(world: World) -> None:
    bill = await world.bill("app", with_shadows=True)
    # 50 calls at 1, and the fee of 6 for each of two projects, shared by calls.
    assert str(bill.totals["dear"][1].normalize()) == "62"
    shadows = {line.key: line.shadows["dear"] for line in bill.lines}
    assert shadows == {("shop",): Decimal("34.5"), ("till",): Decimal("11.5"), ("blog",): 16}
    assert (await world.bill("app", tariff="dear")).total == 62


async def test_our_price_of_today_does_not_change_last_year() -> None:
    world = World()
    world.call("shop", "orders/take", 1, at=read_month("2026-10").since)
    world.call("shop", "orders/take", 1)
    new = OURS.__class__(name="ours", says="New.", currency="EUR", prices=(price("calls", "3"),))
    world.bills.shelf = Shelf(own=[("2026-11", new), ("", OURS)])
    assert (await world.bill("app", month=read_month("2026-10"))).total == 0, "one call was free"
    assert (await world.bill("app")).total == 3


async def test_what_cannot_be_asked_is_said(world: World) -> None:
    with pytest.raises(NotFound, match="ours, dear"):
        await world.bill("app", tariff="cheap")
    with pytest.raises(Invalid):
        await world.bill("user", "function")
    for wrong in ("apps", "app,app", ""):
        with pytest.raises(Invalid):
            check_by(wrong.split(","))
    for month in ("2026-13", "2026", "1999-01", "2026-11-01", "\uff12026-11"):
        with pytest.raises(Invalid):
            read_month(month)


async def test_json_has_money_as_text(world: World) -> None:
    said = bill_says(await world.bill("app", "function"))
    assert (said["month"], said["total"], said["currency"]) == ("2026-11", "4", "EUR")
    first = said["lines"][0]
    assert first["key"] == ["shop", "orders/take"]
    assert first["used"]["calls"] == 20
    assert first["items"] == [
        {
            "quantity": "calls",
            "amount": 20,
            "unit": "",
            "price": "0.1",
            "per": "one",
            "cost": "1.5",
            "free": 5,
        }
    ]
    assert said["as"]["dear"] == {"total": "62", "currency": "USD"}


async def test_csv_adds_up_and_holds_no_formula(world: World) -> None:
    for function in ("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\n=1", "\uff1d1"):
        world.call("shop", function, 1)
    rows = list(csv.DictReader(io.StringIO(bill_csv(await world.bill("function")).decode())))
    *items, total = rows
    assert sum(Decimal(row["cost"]) for row in items) == Decimal(total["cost"])
    assert (total["quantity"], total["currency"]) == ("total", "EUR")
    assert sum(row["function"].startswith("'") for row in rows) == 6
    assert not any(row["function"][:1] in set("=+-@\n\uff1d") for row in rows[:-1])


class _Watched(Mapping[str, float]):
    """One call, and the threads that looked at it."""

    threads: ClassVar[set[int]] = set()

    def __getitem__(self, name: str) -> float:
        self.threads.add(threading.get_ident())
        return {"calls": 1.0}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(["calls"])

    def __len__(self) -> int:
        return 1


class _Many:
    """A ledger of very many users."""

    async def sums(self, wanted: Wanted) -> Sequence[Sums]:
        return [Sums(key=("",) * len(wanted.by), amounts=_Watched())]


async def test_many_lines_are_added_up_beside_the_loop() -> None:
    bills = Bills(ledger=_Many(), shelf=Shelf(own=[("", OURS)]))
    await bills.make(BillWanted(month=MONTH, by=("user", "day"), app="shop"))
    assert _Watched.threads
    assert threading.get_ident() not in _Watched.threads


async def test_a_huge_bill_is_still_one(world: World) -> None:
    world.use("vast", "doc_reads", 9e18)
    bill = await world.bill("app")
    line = bill_says(bill)["lines"][0]
    assert (line["key"], line["cost"]) == (["vast"], "90000000000000000")
    assert b"90000000000000000" in bill_csv(bill)
    assert b"90000000000000000.00 EUR" in bill_page(bill)


class _Links(HTMLParser):
    """What a page would load or run, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "img", "iframe", "object"}:
            self.loads.append(tag)
        self.loads += [name for name, _ in attrs if name in {"src", "style"} or name[:2] == "on"]

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_page_stands_by_itself(world: World) -> None:
    world.call("shop", "<script>alert(1)</script>", 1)
    page = _Links()
    page.feed(bill_page(await world.bill("app", "function", tariff="dear")).decode())
    assert page.loads == []
    assert "Dear <cloud>" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "63.00 USD" in page.text
    assert "default-src 'none'" in HEADERS["content-security-policy"]


def test_months_follow_each_other() -> None:
    assert (MONTH.before, MONTH.after) == ("2026-10", "2026-12")
    assert read_month("2026-12").after == "2027-01"
    assert read_month("2027-01").before == "2026-12"
    assert month_at(MONTH.until - 0.5).name == "2026-11"
    assert month_at(MONTH.until).name == "2026-12"
