"""The dashboard's pages of money, used as a person would: bills, budgets, projects."""

import csv
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.functional.dashboard.desk import Desk, at_desk
from tests.functional.running import Platform
from tests.functional.waiting import until
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

FILES = {"main/restful/hello.py": "def get():\n    return 'hello'\n"}
CALLS = 5
TARIFF = """
name = "ours"
says = "A euro a call."
currency = "EUR"
monthly_fee = "0"

[[price]]
quantity = "calls"
per = "one"
price = "1"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("desk") / "data"
    data.mkdir()
    (data / "tariff.toml").write_text(TARIFF)
    with Platform(data) as running:
        running.deploy(FILES, "shop")
        for _ in range(CALLS):
            running.get("/main-api/hello")
        until(lambda: calls_billed(running) == CALLS, "the calls are on the bill")
        yield running


@pytest.fixture
def desk(browser: Browser | None, shop: Platform, cannot_test: CannotTest) -> Iterator[Desk]:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with at_desk(browser, shop) as desk:
        yield desk


def calls_billed(platform: Platform) -> float:
    lines = platform.api("GET", "/bills").json()["lines"]
    return sum(float(line["used"].get("calls", 0)) for line in lines)


def test_a_bill_says_what_was_used_here_and_elsewhere(desk: Desk) -> None:
    desk.open("bills", "Bills")
    expect(desk.row("main/hello")).to_be_visible()
    clouds = desk.page.get_by_role("list", name="Totals by cloud")
    for name in ("aws", "cloudrun", "cloudflare"):
        expect(clouds.get_by_text(name, exact=True)).to_be_visible()
    desk.page.get_by_role("combobox", name="Prices").select_option("aws")
    expect(desk.page.get_by_text("by aws")).to_be_visible()
    desk.page.get_by_role("combobox", name="By").select_option("app")
    expect(desk.page.get_by_role("columnheader", name="Function")).to_have_count(0)
    assert "by=app" in desk.page.url
    assert "as=aws" in desk.page.url


def test_a_bill_goes_out_as_csv_and_as_a_page(desk: Desk) -> None:
    desk.open("bills", "Bills")
    with desk.page.expect_download() as downloading:
        desk.button("CSV").click()
    rows = list(csv.reader(downloading.value.path().read_text().splitlines()))
    assert rows[0][:3] == ["month", "app", "function"]
    assert any(row[1:3] == ["shop", "main/hello"] for row in rows)
    with desk.page.expect_download() as downloading:
        desk.button("HTML").click()
    assert "main/hello" in downloading.value.path().read_text()


def test_the_overview_says_what_today_costs_against_the_tightest_budget(
    desk: Desk, shop: Platform
) -> None:
    for name, limit in (("loose", 100), ("tight", 20)):
        shop.api("PUT", f"/budgets/{name}", json={"app": "shop", "limit": limit})
    desk.open("", "Overview")
    cost = desk.page.get_by_role("region", name="Cost")
    expect(cost).to_contain_text("Today€5.00")
    expect(cost).to_contain_text("This month€5.00")
    expect(cost.get_by_role("meter").first).to_have_attribute("aria-valuemax", "20")
    expect(cost.get_by_role("listitem").first).to_contain_text("of €20.00 this month")
    for name in ("loose", "tight"):
        shop.api("DELETE", f"/budgets/{name}")


def test_totals_of_one_currency_stand_beside_each_other_and_ours_apart(desk: Desk) -> None:
    desk.open("bills", "Bills")
    elsewhere = desk.page.get_by_role("region", name="The same use elsewhere")
    expect(elsewhere).to_contain_text("Here: €5.00")
    dollars = desk.page.get_by_role("list", name="Totals by cloud in USD")
    expect(dollars.get_by_role("listitem").first).to_contain_text("$")
    assert "€" not in dollars.inner_text()
    expect(dollars.get_by_text("ours", exact=True)).to_have_count(0)


def test_a_bill_is_printed_dark_on_white_whatever_the_screen_is(
    browser: Browser | None, shop: Platform, cannot_test: CannotTest
) -> None:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with at_desk(browser, shop, color_scheme="dark") as desk:
        desk.open("bills", "Bills")
        expect(desk.row("main/hello")).to_be_visible()
        desk.page.emulate_media(media="print")
        shade = desk.page.get_by_role("heading", level=1).evaluate(
            "(el) => getComputedStyle(el).color.match(/\\d+/g).map(Number)"
        )
        assert max(shade[:3]) < 80, "light text is not seen on paper"
        expect(desk.page.get_by_role("navigation", name="Pages")).to_be_hidden()
        expect(desk.page.get_by_text("by ours")).to_be_visible()
        assert desk.page.pdf().startswith(b"%PDF")


def test_a_budget_is_made_changed_and_removed(desk: Desk, shop: Platform) -> None:
    desk.open("budgets", "Budgets")
    desk.button("New budget…").click()
    desk.fill(name="daily", kind="app", of="shop", limit=1000, unit="calls", every="day")
    desk.fill(steps="90 loudly")
    desk.button("Make it", desk.dialog).click()
    expect(desk.dialog.get_by_role("alert")).to_contain_text("is no step")
    desk.fill(steps="80 warn, 100 refuse")
    desk.press("Make it")
    card = desk.page.get_by_role("region", name="daily")
    expect(card).to_contain_text("calls a day")
    expect(card.get_by_role("meter")).to_have_attribute("aria-valuemax", "1000")
    desk.button("Change…", card).click()
    desk.fill(limit=2000)
    desk.press("Save")
    budget = shop.api("GET", "/budgets/daily").json()
    assert (budget["limit"], budget["app"]) == (2000, "shop")
    assert budget["steps"] == [{"at": 80, "does": "warn"}, {"at": 100, "does": "refuse"}]
    desk.button("Remove daily").click()
    desk.press("Remove")
    desk.told("daily was removed.")
    assert shop.api("GET", "/budgets").json()["budgets"] == []


def test_a_project_is_made_and_removed(desk: Desk, shop: Platform) -> None:
    desk.open("budgets", "Budgets")
    desk.button("New project…").click()
    desk.fill(name="web", apps="shop")
    desk.press("Save")
    expect(desk.row("web")).to_contain_text("shop")
    desk.button("Remove web").click()
    expect(desk.dialog).to_contain_text("go back to the project default")
    desk.press("Remove")
    expect(desk.row("web")).to_have_count(0)
    assert [one["name"] for one in shop.api("GET", "/projects").json()["projects"]] == ["default"]
