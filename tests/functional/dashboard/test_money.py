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


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("desk") / "data") as running:
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
