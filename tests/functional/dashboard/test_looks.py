"""Every page as it looks: light, dark, on a phone; no complaint of the browser, none of axe."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.functional.dashboard import shop
from tests.functional.dashboard.desk import Desk
from tests.functional.dashboard.looking import looking, overflow, show, violations
from tests.functional.running import Platform
from tests.functional.waiting import until
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

_APP, _FUNCTION = f"apps/{shop.APP}", f"apps/{shop.APP}/functions/shop/order"
PLACES = (
    "",
    "apps",
    _APP,
    f"{_APP}?tab=deploys",
    f"{_APP}?tab=traffic",
    f"{_APP}?tab=settings",
    _FUNCTION,
    f"{_FUNCTION}?tab=logs",
    f"{_FUNCTION}?tab=try",
    f"{_FUNCTION}?tab=source",
    f"{_FUNCTION}?tab=settings",
    f"{_FUNCTION}?tab=cost",
    f"{_FUNCTION}?tab=profile",
    "invocations",
    "invocations/{failed}",
    "traces",
    "traces/{trace}",
    "logs",
    "errors",
    "errors/{fault}",
    "events",
    "deadletters",
    "queues",
    "schedules",
    "data",
    "bills",
    "budgets",
    "settings",
    "system",
)


@pytest.fixture(scope="module")
def names(seen: Platform) -> dict[str, str]:
    """The ids that stand for the words in braces."""
    until(lambda: bool(seen.api("GET", "/faults").json()["faults"]), "the errors are grouped")
    records = seen.records(app=shop.APP)
    return {
        "failed": next(one["id"] for one in records if one["ending"] == "user_error"),
        "trace": next(one["trace"] for one in records if one["event"]),
        "fault": seen.api("GET", "/faults").json()["faults"][0]["id"],
    }


@pytest.fixture(scope="module", params=["light", "dark", "phone"])
def desk(
    request: pytest.FixtureRequest, browser: Browser | None, seen: Platform
) -> Iterator[Desk | None]:
    if browser is None:
        yield None
        return
    phone = request.param == "phone"
    scheme = "dark" if request.param == "dark" else "light"
    with looking(browser, seen, scheme=scheme, phone=phone) as opened:
        yield opened


@pytest.mark.parametrize("place", PLACES)
def test_a_page_is_shown_without_a_complaint(
    desk: Desk | None, place: str, names: dict[str, str], cannot_test: CannotTest
) -> None:
    if desk is None:
        cannot_test("there is no Chromium on this machine")
    show(desk, place.format(**names))
    assert violations(desk) == []
    assert overflow(desk) <= 0, "it scrolls sideways"
    for wrong in ("[object ", "undefined", "NaN"):
        assert wrong not in desk.page.locator("#main").inner_text()
    assert desk.errors == []
    assert desk.page.title().endswith("· Tapwater")


def test_what_opens_on_a_page_is_shown_without_a_complaint(
    desk: Desk | None, cannot_test: CannotTest
) -> None:
    if desk is None:
        cannot_test("there is no Chromium on this machine")
    show(desk, f"{_APP}?tab=deploys")
    desk.page.get_by_role("button", name="Code changes").first.click()
    expect(desk.page.get_by_role("group", name="Changes of shop/order")).to_be_visible()
    assert violations(desk) == []
    assert overflow(desk) <= 0, "it scrolls sideways"
    desk.page.keyboard.press("/")
    expect(desk.dialog.get_by_role("option").first).to_be_visible()
    assert violations(desk) == []
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("?")
    expect(desk.dialog).to_be_visible()
    assert violations(desk) == []
    desk.page.keyboard.press("Escape")
    desk.page.evaluate("() => window.dispatchEvent(new CustomEvent('tapwater:signed-out'))")
    expect(desk.page.get_by_role("textbox", name="Token")).to_be_visible()
    assert violations(desk) == []
    assert overflow(desk) <= 0, "it scrolls sideways"
