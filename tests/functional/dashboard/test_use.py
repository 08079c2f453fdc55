"""The dashboard used as a person would use it: signing in, looking, changing, with the keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.functional.dashboard import shop
from tests.functional.dashboard.desk import WAIT_MS_MAX, Desk
from tests.functional.dashboard.looking import DESK, looking, show
from tests.functional.running import Platform
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

APP = f"apps/{shop.APP}"
ORDER = f"{APP}/functions/shop/order"


@pytest.fixture
def desk(browser: Browser | None, seen: Platform, cannot_test: CannotTest) -> Iterator[Desk]:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with looking(browser, seen) as opened:
        yield opened


@pytest.fixture
def stranger(browser: Browser | None, seen: Platform, cannot_test: CannotTest) -> Iterator[Page]:
    """A tab in which nobody is signed in."""
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(WAIT_MS_MAX)
    yield context.new_page()
    context.close()


def root(platform: Platform) -> str:
    return f"http://tapwater.localhost:{platform.port}/_/"


def test_signing_in_and_out(stranger: Page, seen: Platform) -> None:
    stranger.goto(root(seen) + "logs")
    token = stranger.get_by_role("textbox", name="Token")
    token.fill("tap_wrong")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("alert")).to_contain_text("not known")
    token.fill(seen.token)
    token.press("Enter")
    expect(stranger.get_by_role("heading", level=1, name="Logs")).to_be_focused()
    kept = stranger.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert kept == "[{},{}]"
    assert stranger.evaluate("() => document.cookie") == ""
    stranger.get_by_role("button", name="admin").click()
    stranger.get_by_role("button", name="Sign out", exact=True).click()
    expect(stranger.get_by_text("You are signed out.")).to_be_visible()
    stranger.reload()
    expect(stranger.get_by_role("textbox", name="Token")).to_be_visible()


def test_a_link_with_a_code_signs_in_and_leaves_no_trace(stranger: Page, seen: Platform) -> None:
    code = seen.api("POST", "/session-codes").json()["code"]
    asked: list[str] = []
    stranger.on("request", lambda request: asked.append(request.url))
    stranger.goto(f"{root(seen)}apps#code={code}")
    expect(stranger.get_by_role("heading", level=1, name="Apps")).to_be_visible()
    assert "#" not in stranger.url
    assert not [url for url in asked if code in url.partition("#")[0]]
    stranger.context.clear_cookies()
    stranger.goto("about:blank")
    stranger.goto(f"{root(seen)}apps#code={code}")
    expect(stranger.get_by_text("used or too old")).to_be_visible()


def test_where_an_app_answers_the_browser_is_led_to_the_dashboards_host(
    stranger: Page, seen: Platform
) -> None:
    stranger.goto(f"http://localhost:{seen.port}/_/errors")
    expect(stranger.get_by_role("textbox", name="Token")).to_be_visible()
    assert stranger.url == f"{root(seen)}errors"


def test_a_session_that_ends_shows_the_way_in(desk: Desk, seen: Platform) -> None:
    show(desk, "apps")
    desk.page.context.clear_cookies()
    desk.page.get_by_role("link", name="Invocations").click()
    expect(desk.page.get_by_text("Your session has ended")).to_be_visible()
    desk.page.get_by_role("textbox", name="Token").fill(seen.token)
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("heading", level=1, name="Invocations")).to_be_visible()


def test_the_keyboard_is_enough(desk: Desk) -> None:
    show(desk, "")
    page = desk.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page.get_by_role("heading", level=1, name="Errors")).to_be_focused()
    page.keyboard.press("?")
    expect(desk.dialog).to_contain_text("Go to a page")
    page.keyboard.press("Escape")
    expect(desk.dialog).to_have_count(0)
    page.keyboard.press("/")
    page.get_by_role("combobox", name="Go to").fill("send_let")
    expect(desk.dialog.get_by_role("option").first).to_contain_text("send_letter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="shop/send_letter")).to_be_focused()
    page.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Logs")).to_be_focused()
    assert page.url.endswith("?tab=logs")
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Errors")).to_be_visible()


def test_calls_are_seen_as_they_happen(desk: Desk, seen: Platform) -> None:
    show(desk, "logs")
    lines = desk.page.locator(".log")
    expect(lines.first).to_be_visible()
    before = lines.count()
    seen.visit(shop.APP, "/shop-api/items")
    expect(lines).to_have_count(before + 1)
    show(desk, "invocations?app=shop&function=shop%2Fitems")
    rows = desk.page.locator("tbody tr")
    shown = rows.count()
    seen.visit(shop.APP, "/shop-api/items")
    expect(rows).to_have_count(shown + 1)
    show(desk, "")
    expect(desk.page.locator(".liveness")).to_have_text("Live")


def test_logs_are_searched_and_filtered(desk: Desk) -> None:
    show(desk, "logs")
    desk.page.get_by_role("searchbox", name="Text").fill("nobody orders")
    expect(desk.page.locator(".log")).to_have_count(2)
    desk.page.get_by_role("button", name="Info", exact=True).click()
    expect(desk.page.get_by_text("Nothing was said")).to_be_visible()
    assert "level=info" in desk.page.url
    desk.page.reload()
    expect(desk.page.get_by_role("searchbox", name="Text")).to_have_value("nobody orders")


def test_a_function_is_tried(desk: Desk) -> None:
    show(desk, f"{ORDER}?tab=try")
    desk.page.get_by_role("textbox", name="Query").fill("item=tap&count=3")
    desk.button("Call it").click()
    answer = desk.page.get_by_role("region", name="Answer")
    expect(answer).to_contain_text('"order"')
    expect(answer.get_by_text("200")).to_be_visible()
    desk.page.get_by_role("textbox", name="Query").fill("item=tap&count=many")
    desk.button("Call it").click()
    expect(answer).to_contain_text("422")
    desk.json("Body (JSON)", "{")
    desk.button("Call it").click()
    expect(answer).to_contain_text("This is not JSON")


def test_a_call_that_failed_is_run_again(desk: Desk) -> None:
    show(desk, "invocations?ending=failed")
    desk.page.locator("tbody tr").first.get_by_role("link").first.click()
    expect(desk.page.get_by_role("heading", level=1)).to_contain_text("POST /shop-api/order")
    expect(desk.page.locator(".log").first).to_contain_text("nobody orders 100")
    expect(desk.page.get_by_role("region", name="What it was sent")).to_contain_text("count=100")
    desk.button("Run it again").click()
    expect(desk.page.get_by_role("region", name="Replay")).to_contain_text("the same outcome")


def test_a_trace_shows_what_followed(desk: Desk, seen: Platform) -> None:
    record = next(one for one in seen.records(app=shop.APP) if one["event"])
    show(desk, f"traces/{record['trace']}")
    spans = desk.page.get_by_role("group", name="Spans of this trace")
    expect(spans.get_by_role("button", name="POST /shop-api/order")).to_be_visible()
    delivery = spans.get_by_role("button", name="delivery to shop/send_letter")
    delivery.click()
    expect(delivery).to_have_attribute("aria-expanded", "true")
    expect(spans).to_contain_text("attempt")


def test_an_error_is_resolved(desk: Desk) -> None:
    show(desk, "errors")
    desk.page.get_by_role("link", name="cannot order").click()
    expect(desk.page.get_by_role("group", name="Traceback")).to_contain_text("raise ValueError")
    desk.button("Resolve").click()
    desk.told("The error is resolved.")
    expect(desk.button("Open again")).to_be_visible()
    desk.button("Open again").click()
    expect(desk.button("Resolve")).to_be_visible()


def test_traffic_is_split_and_rolled_back(desk: Desk, seen: Platform) -> None:
    show(desk, f"{APP}?tab=traffic")
    desk.button("Add a revision").click()
    share = desk.page.get_by_role("slider", name="Share of revision 1")
    share.focus()
    desk.page.keyboard.press("ArrowRight")
    desk.button("Save").click()
    desk.told("split anew")
    aliases = seen.api("GET", f"/{APP}/aliases").json()["aliases"]
    assert aliases["live"] == {"1": 1, "2": 99}
    show(desk, f"{APP}?tab=deploys")
    desk.page.get_by_role("button", name="Code changes of r2").or_(
        desk.button("Code changes")
    ).click()
    expect(desk.page.get_by_role("group", name="Changes of shop/order")).to_contain_text(
        "not 0 < count < 100"
    )
    seen.api("POST", f"/{APP}/rollback", json={"to": 1})
    show(desk, f"{APP}?tab=deploys")  # It would see by itself, after ten seconds.
    newest = desk.page.get_by_role("article").filter(has_text="with a report at night")
    newest.get_by_role("button", name="Roll back").click()
    desk.press("Roll back to r2")
    desk.told("r2 is live.")
    aliases = seen.api("GET", f"/{APP}/aliases").json()["aliases"]
    assert aliases["live"] == {"2": 100}


def test_light_and_dark_are_kept(desk: Desk) -> None:
    show(desk, "apps")
    ground = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = desk.page.evaluate(ground)
    desk.button("Light or dark").click()
    assert desk.page.evaluate(ground) != light
    desk.page.reload()
    expect(desk.page.get_by_role("heading", level=1, name="Apps")).to_be_visible()
    assert desk.page.evaluate(ground) != light


def test_a_phone_has_its_own_way_around(
    browser: Browser | None, seen: Platform, cannot_test: CannotTest
) -> None:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with looking(browser, seen, phone=True) as desk:
        show(desk, "")
        desk.page.get_by_role("navigation", name="Main pages").get_by_role(
            "button", name="More"
        ).tap()
        desk.dialog.get_by_role("link", name="Traces").tap()
        expect(desk.page.get_by_role("heading", level=1, name="Traces")).to_be_visible()
        expect(desk.dialog).to_have_count(0)
        expect(desk.page.get_by_role("navigation", name="Pages", exact=True)).to_be_hidden()


def test_what_a_stranger_wrote_stays_text(desk: Desk, seen: Platform) -> None:
    evil = "<img src=x onerror=document.title='taken'>"
    seen.visit(shop.APP, "/shop-api/order", method="POST", params={"item": evil, "count": "1"})
    show(desk, "logs")
    expect(desk.page.locator(".log").filter(has_text="onerror").first).to_be_visible()
    assert desk.page.locator("#main img").count() == 0
    assert desk.page.title() == "Logs · Tapwater"
