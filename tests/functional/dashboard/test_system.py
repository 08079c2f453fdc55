"""The dashboard's pages of the platform, used as a person would: secrets, tokens, system."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.functional.dashboard.desk import Desk, at_desk
from tests.functional.dashboard.looking import looking, overflow, violations
from tests.functional.running import Platform
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

FILES = {"main/restful/hello.py": "def get():\n    return 'hello'\n"}
PLACES = {
    "events": "Events",
    "deadletters": "Dead letters",
    "queues": "Queues and topics",
    "schedules": "Schedules",
    "data": "Documents",
    "data/shop/documents/none": "none",
    "data/shop/blobs": "Blobs",
    "data/shop/users": "Users",
    "data/shop/mail": "Mail",
    "data/shop/cache": "Cache",
    "data/shop/mqtt": "MQTT",
    "bills": "Bills",
    "budgets": "Budgets",
    "settings": "Settings",
    "system": "System",
}
DIALOGS = {
    "events": "Publish…",
    "queues": "Send a message…",
    "schedules": "New schedule…",
    "data": "New document…",
    "data/shop/blobs": "New bucket…",
    "data/shop/users": "New user…",
    "data/shop/mqtt": "Publish…",
    "budgets": "New budget…",
    "settings": "New token…",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("desk") / "data") as running:
        running.deploy(FILES, "shop")
        running.get("/main-api/hello")
        yield running


@pytest.fixture
def desk(browser: Browser | None, shop: Platform, cannot_test: CannotTest) -> Iterator[Desk]:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with at_desk(browser, shop) as desk:
        yield desk


def test_a_secret_is_set_and_never_shown(desk: Desk, shop: Platform) -> None:
    desk.open("settings", "Settings")
    desk.button("New secret…").click()
    desk.fill(name="API_KEY", value="very secret")
    desk.press("Set it")
    expect(desk.row("API_KEY")).to_be_visible()
    assert "very secret" not in desk.page.content()
    assert shop.api("GET", "/apps/shop/secrets").json()["secrets"] == ["API_KEY"]
    desk.button("Remove API_KEY").click()
    desk.press("Remove")
    desk.told("API_KEY was removed.")
    assert shop.api("GET", "/apps/shop/secrets").json()["secrets"] == []


def test_a_token_is_issued_shown_once_and_revoked(desk: Desk, shop: Platform) -> None:
    desk.open("settings", "Settings")
    desk.button("New token…").click()
    desk.fill(name="ci", apps="shop")
    desk.button("Issue", desk.dialog).click()
    shown = desk.dialog.get_by_role("group", name="The new token")
    token = shown.inner_text().strip()
    desk.press("I have copied it")
    assert token not in desk.page.content()
    bearer = {"authorization": f"Bearer {token}"}
    assert shop.api("GET", "/apps", headers=bearer).json()["apps"][0]["name"] == "shop"
    desk.row("ci").get_by_role("button", name="Revoke…").click()
    desk.press("Revoke")
    desk.told("ci was revoked.")
    assert shop.api("GET", "/apps", headers=bearer).status_code == 401


def test_the_system_says_what_keeps_functions_apart(desk: Desk, shop: Platform) -> None:
    desk.open("system", "System")
    expect(desk.row("shop:main/hello")).to_be_visible()
    for layer in shop.api("GET", "/doctor").json()["layers"]:
        line = desk.page.get_by_role("listitem").filter(has_text=layer["name"]).first
        expect(line).to_contain_text(layer["without"], ignore_case=True)
        expect(line).to_contain_text("in place" if layer["present"] else "missing")


@pytest.mark.parametrize(("scheme", "phone"), [("light", False), ("dark", True)])
def test_empty_pages_fit_and_are_accessible(
    browser: Browser | None, shop: Platform, cannot_test: CannotTest, scheme: str, phone: bool
) -> None:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    wrong: list[str] = []
    with looking(browser, shop, scheme=scheme, phone=phone) as desk:
        for place, heading in PLACES.items():
            desk.open(place, heading)
            wide = overflow(desk)
            wrong += [f"{place} is {wide} px too wide"] if wide > 0 else []
            wrong += [f"{place}: {said}" for said in violations(desk)]
    assert not wrong, "\n".join(wrong)


def test_dialogs_are_accessible(desk: Desk) -> None:
    wrong: list[str] = []
    for place, button in DIALOGS.items():
        desk.open(place, PLACES[place])
        desk.button(button).first.click()
        expect(desk.dialog).to_be_visible()
        wrong += [f"{place}: {said}" for said in violations(desk)]
        desk.page.keyboard.press("Escape")
        expect(desk.dialog).to_have_count(0)
        expect(desk.button(button).first).to_be_focused()
    assert not wrong, "\n".join(wrong)


def test_a_holder_of_one_app_sees_no_other(
    browser: Browser | None, shop: Platform, cannot_test: CannotTest
) -> None:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    shop.deploy(FILES, "blog")
    made = shop.api("POST", "/tokens", json={"name": "blogger", "apps": ["blog"]}).json()
    with at_desk(browser, shop, token=made["token"]) as desk:
        for place, heading in PLACES.items():
            desk.open(place.replace("/shop/", "/blog/"), heading)
            assert "shop" not in desk.page.locator("#main").inner_text()
        desk.page.goto(f"{desk.root}data/shop/documents")
        expect(desk.page.get_by_text("Not found")).to_be_visible()
