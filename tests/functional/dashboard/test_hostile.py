"""What strangers write is text on every page; no link and no lapse harms who is signed in."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.functional.dashboard import shop
from tests.functional.dashboard.desk import WAIT_MS_MAX, Desk
from tests.functional.dashboard.looking import PHONE, looking, overflow, show, violations
from tests.functional.running import Platform
from tests.functional.waiting import until
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
LONG = "x" * 3_000
_FUNCTION = '''"""<img src=x onerror="document.title='taken'">"""
import logging

import tapwater
from tapwater import mail, queues


def post(what: str):
    logging.warning("said %s", what, extra={"__proto__": what, what[:60]: "field"})
    print("\\x1b[31mred\\x1b[0m \\u202egnol\\u202c " + what)
    with tapwater.span(what[:90]):
        queues.send("q", {"__proto__": {"polluted": what}, "text": what})
    mail.send(to="ada@shop.example", subject=what, html=what, text=what)
    raise ValueError(what)
'''
FILES = {"evil/restful/say.py": _FUNCTION, "rules.toml": ""}


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform on which everything that takes a text has a hostile one."""
    data = tmp_path_factory.mktemp("evil") / "data"
    with Platform(data, settings={"TAPWATER_RECORD_PAYLOADS": "1"}) as running:
        running.deploy(FILES, shop.APP, note=EVIL)
        for what in (EVIL, LONG):
            query = {"what": what}
            running.visit(shop.APP, "/evil-api/say", method="POST", params=query)
        fill(running)
        until(lambda: bool(running.api("GET", "/faults").json()["faults"]), "errors are grouped")
        yield running


def fill(platform: Platform) -> None:
    def put(method: str, path: str, **options: Any) -> None:
        answer = platform.api(method, f"/apps/{shop.APP}{path}", **options)
        assert answer.is_success, f"{path}: {answer.text}"

    document = {"__proto__": {"polluted": True}, "constructor": EVIL, EVIL: [EVIL], "long": LONG}
    put("PUT", "/docs/evil/one", json=document)
    put("PUT", "/blobs/evil", json={})
    for key, kind in (
        (f"{EVIL.replace('/', '_')}.html", "text/html"),
        ("taken.svg", "image/svg+xml"),
        ("C:\\..\\..\\boot.ini", "application/octet-stream"),
    ):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg">{EVIL}</svg>'
        name = key.replace("\\", "%5C").replace("<", "%3C").replace("?", "%3F").replace("#", "%23")
        put("PUT", f"/blobs/evil/{name}", content=svg, headers={"content-type": kind})
    user = {
        "email": "ada@shop.example",
        "password": "a long enough password",
        "claims": {"__proto__": EVIL, "say": EVIL},
        "profile": {"name": EVIL},
    }
    put("POST", "/users", json=user)
    put("PUT", f"/cache/{'evil'}", json={"value": EVIL})
    event = {"specversion": "1.0", "id": "e1", "type": "evil.taken", "source": f"/{EVIL}"}
    headers = {"content-type": "application/cloudevents+json"}
    body = {**event, "subject": EVIL, "data": {"__proto__": 1, "say": EVIL}}
    put("POST", "/events", json=body, headers=headers)


@pytest.fixture
def desk(browser: Browser | None, evil: Platform, cannot_test: CannotTest) -> Iterator[Desk]:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with looking(browser, evil) as opened:
        yield opened


def unharmed(desk: Desk) -> None:
    """Nothing of what was written has become an element, and nothing of it has run."""
    assert desk.page.locator("img[src=x]").count() == 0
    assert "taken" not in desk.page.title()
    assert desk.page.evaluate("() => ({}).polluted === undefined")
    assert desk.errors == []


DATA = f"data/{shop.APP}"
PLACES = {
    "": "",
    f"apps/{shop.APP}?tab=deploys": "onerror",
    f"apps/{shop.APP}/functions/evil/say": "onerror",
    f"apps/{shop.APP}/functions/evil/say?tab=source": "onerror",
    "logs": "onerror",
    "errors": "onerror",
    "invocations": "/evil-api/say",
    "events": "evil.taken",
    "queues?queue=q": "",
    f"{DATA}/documents/evil": "onerror",
    f"{DATA}/documents/evil/one": "",
    f"{DATA}/blobs/evil": "onerror",
    f"{DATA}/users": "ada@shop.example",
    f"{DATA}/mail": "onerror",
    f"{DATA}/cache": "evil",
}


def test_what_is_hostile_stays_text_on_every_page(desk: Desk) -> None:
    for place, seen in PLACES.items():
        show(desk, place)
        if seen:
            expect(desk.page.locator("#main").get_by_text(seen).first).to_be_visible()
        unharmed(desk)
        assert overflow(desk) <= 0, f"{place} scrolls sideways"
        desk.page.set_viewport_size(PHONE)
        assert overflow(desk) <= 0, f"{place} scrolls sideways on a phone"
        desk.page.set_viewport_size({"width": 1360, "height": 900})


def test_what_is_opened_of_it_stays_text_too(desk: Desk, evil: Platform) -> None:
    show(desk, f"{DATA}/blobs/evil")
    for name in ("taken.svg", "document.title"):
        desk.page.get_by_role("button", name=name).first.click()
        expect(desk.dialog.get_by_role("group", name="Text of")).to_contain_text("onerror")
        assert desk.dialog.locator("img").count() == 0
        unharmed(desk)
        desk.button("Close", desk.dialog).click()
    show(desk, f"{DATA}/mail")
    desk.page.get_by_role("button", name="onerror").first.click()
    expect(desk.dialog.get_by_role("group", name="HTML source")).to_contain_text("onerror")
    unharmed(desk)
    desk.button("Close", desk.dialog).click()
    record = [one for one in evil.records(app=shop.APP) if one["verb"] != "event"][-1]
    for place in (f"invocations/{record['id']}", f"traces/{record['trace']}"):
        show(desk, place)
        expect(desk.page.locator("#main").get_by_text("onerror").first).to_be_visible()
        unharmed(desk)


def test_colours_of_terminals_are_left_out_of_logs(desk: Desk) -> None:
    show(desk, "logs")
    line = desk.page.locator(".log-text").filter(has_text="red").first
    expect(line).to_be_visible()
    assert "\x1b" not in (line.text_content() or "")
    assert "[31m" not in (line.text_content() or "")


def test_a_file_is_saved_under_a_name_without_a_path(desk: Desk) -> None:
    show(desk, f"{DATA}/blobs/evil")
    row = desk.page.get_by_role("row").filter(has_text="boot.ini")
    with desk.page.expect_download() as saved:
        row.get_by_role("button", name="Download").click()
    name = saved.value.suggested_filename
    assert "/" not in name
    assert "\\" not in name
    assert not name.startswith(".")


def test_a_document_keeps_names_that_javascript_knows(desk: Desk, evil: Platform) -> None:
    at = f"/apps/{shop.APP}/docs/evil/one"
    before = evil.api("GET", at).json()["data"]
    show(desk, f"{DATA}/documents/evil/one")
    area = desk.page.get_by_role("textbox", name="Data", exact=True)
    area.fill(area.input_value().replace('"long"', '"longer"'))
    desk.button("Save").click()
    desk.told("Saved.")
    after = evil.api("GET", at).json()["data"]
    assert after == {**{k: v for k, v in before.items() if k != "long"}, "longer": before["long"]}
    assert "__proto__" in after


@pytest.mark.parametrize(
    "place",
    [
        f"{DATA}/documents/evil/..%2F..%2Fusers",
        f"{DATA}/documents/evil/one/..%2F..%2F..%2F..%2Ftokens/ci",
        f"{DATA}/documents/evil/%252e%252e",
        "apps/..%2Ftokens",
        "invocations/..%2Ftokens%2Fci",
        "errors/..%2F..%2Fv1%2Ftokens",
        "traces/..%2Flogs",
    ],
)
def test_a_link_with_steps_up_asks_for_nothing_else(desk: Desk, place: str) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    desk.page.goto(desk.root + place)
    expect(desk.page.locator("#main [role=alert], #main .problem").first).to_be_visible()
    below = [url.partition("/_/api/v1")[2] for url in asked if "/_/api/v1" in url]
    strays = ("/users", "/tokens", "/logs")
    assert [path for path in below if path.endswith(strays) or "tokens" in path] == []


def test_what_was_typed_outlives_the_session(desk: Desk, evil: Platform) -> None:
    show(desk, f"{DATA}/documents/evil")
    desk.button("New document…").click()
    desk.fill(id="typed")
    desk.json("Data", '{"typed": "for an hour"}')
    desk.page.context.clear_cookies()
    desk.button("Create", desk.dialog).click()
    again = desk.page.get_by_role("dialog", name="Your session has ended")
    expect(again).to_be_visible()
    assert violations(desk) == []
    again.get_by_role("textbox", name="Token").fill(evil.token)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_count(0)
    desk.told("You are signed in again.")
    desk.press("Create")
    found = evil.api("GET", f"/apps/{shop.APP}/docs/evil/typed").json()
    assert found["data"] == {"typed": "for an hour"}


def test_who_does_not_sign_in_again_sees_nothing_any_more(desk: Desk) -> None:
    show(desk, f"{DATA}/documents/evil/one")
    desk.page.get_by_role("textbox", name="Data", exact=True).fill("{}")
    desk.page.context.clear_cookies()
    desk.button("Save").click()
    expect(desk.page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_role("textbox", name="Token")).to_be_visible()
    assert "__proto__" not in (desk.page.locator("body").text_content() or "")


def test_nobody_leaves_what_is_not_saved_unasked(desk: Desk) -> None:
    show(desk, DATA)
    show(desk, f"{DATA}/documents/evil/one")
    area = desk.page.get_by_role("textbox", name="Data", exact=True)
    area.fill('{"mine": 1}')
    desk.page.get_by_role("link", name="Logs").first.click()
    desk.button("Cancel", desk.dialog).click()
    expect(area).to_have_value('{"mine": 1}')
    desk.page.get_by_role("link", name="Logs").first.click()
    desk.press("Leave it")
    expect(desk.page.get_by_role("heading", level=1, name="Logs")).to_be_visible()


def test_a_link_with_a_code_never_changes_who_is_signed_in(desk: Desk, evil: Platform) -> None:
    body = {"name": "stranger", "apps": [shop.APP]}
    token = evil.api("POST", "/tokens", json=body).json()["token"]
    theirs = {"authorization": f"Bearer {token}"}
    code = evil.http.post(f"{evil.url}/_/api/v1/session-codes", headers=theirs).json()["code"]
    desk.page.goto("about:blank")
    desk.page.goto(f"{desk.root}apps#code={code}")
    desk.told("the link was not used")
    expect(desk.button("admin Admin")).to_be_visible()


def test_signed_out_everywhere_is_out_in_the_other_browser_too(
    browser: Browser | None, desk: Desk, evil: Platform
) -> None:
    assert browser is not None
    with looking(browser, evil) as other:
        show(other, "budgets")
        show(desk, "apps")
        desk.button("admin Admin").click()
        desk.button("Sign out everywhere").click()
        expect(desk.page.get_by_text("on every browser")).to_be_visible()
        ended = other.page.get_by_text("Your session has ended")
        expect(ended).to_be_visible(timeout=WAIT_MS_MAX)  # It looks again after some seconds.
        other.page.go_back()
        expect(other.page.get_by_role("textbox", name="Token")).to_be_visible()


def test_no_answer_is_kept_by_the_browser(desk: Desk) -> None:
    kept: list[str] = []

    def look(answer: Any) -> None:
        if "/_/api/v1/" in answer.url and answer.headers.get("cache-control") != "no-store":
            kept.append(answer.url)

    desk.page.on("response", look)
    for place in ("", "apps", f"{DATA}/documents/evil", f"{DATA}/blobs/evil", "settings"):
        show(desk, place)
    assert kept == []


def test_a_platform_that_goes_and_comes_back_is_met_without_a_reload(desk: Desk) -> None:
    show(desk, "apps")
    desk.page.route("**/_/api/v1/**", lambda route: route.abort())
    desk.page.get_by_role("link", name="Schedules").first.click()
    expect(desk.page.get_by_role("alert")).to_contain_text("cannot be reached")
    desk.page.unroute("**/_/api/v1/**")
    desk.button("Try again").click()
    expect(desk.page.get_by_role("heading", level=1, name="Schedules")).to_be_visible()
    desk.errors.clear()


def test_a_slow_answer_of_a_page_that_was_left_changes_nothing(desk: Desk) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    desk.page.route("**/_/api/v1/invocations*", hold)
    show(desk, "apps")
    desk.page.get_by_role("link", name="Invocations").first.click()
    expect(desk.page.locator("#main .skeleton")).to_be_visible()
    desk.page.get_by_role("link", name="Apps").first.click()
    expect(desk.page.get_by_role("heading", level=1, name="Apps")).to_be_visible()
    for route in held:
        route.abort()
    expect(desk.page.get_by_role("heading", level=1, name="Apps")).to_be_visible()
    desk.errors.clear()
