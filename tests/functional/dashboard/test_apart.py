"""A signed-in browser visits pages of functions: none can see or do anything in its name."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.functional.browser.conftest import launched
from tests.functional.dashboard.desk import WAIT_MS_MAX, Desk
from tests.functional.running import Platform
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

APP = "evil"
FILES = {
    "restful/page.py": (
        "from tapwater import Response\n\n\n"
        "def get():\n"
        "    return Response.html('<!doctype html><title>Evil</title>')\n"
    ),
    "restful/take.py": (
        "def get(request):\n    return {'cookie': request.headers.get('cookie', '')}\n"
    ),
    "public/worker.js": (
        "self.addEventListener('install', () => self.skipWaiting());\n"
        "self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));\n"
        "self.addEventListener('fetch', (event) => event.respondWith("
        "new Response('<!doctype html><h1>Taken</h1>', {headers: {'content-type': 'text/html'}})"
        "));\n"
    ),
}
WORKER = (
    "() => navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready)"
    ".then(() => true)"
)
GONE = (
    "() => navigator.serviceWorker.getRegistrations()"
    ".then((all) => Promise.all(all.map((one) => one.unregister())))"
)
# Each gives "refused", or what it could do. `own` is the dashboard's origin.
READS = """
async (own) => {
    const api = `${own}/_/api/v1`;
    const tried = async (step) => {
        try {
            return (await step()) || "refused";
        } catch (error) {
            return "refused";
        }
    };
    const text = async (url, options) => {
        const answer = await fetch(url, options);
        if (answer.type === "opaque" || !answer.ok) return "";
        return `${answer.status}: ${await answer.text()}`;
    };
    const element = (tag, url) => new Promise((done) => {
        const made = document.createElement(tag);
        made.onload = () => done(`${tag} loaded`);
        made.onerror = () => done("");
        made[tag === "link" ? "href" : "src"] = url;
        if (tag === "link") made.rel = "stylesheet";
        document.head.append(made);
    });
    const ours = { "x-tapwater": "dashboard" };
    return {
        plain: await tried(() => text(`${api}/apps`, { credentials: "include" })),
        opaque: await tried(() => text(`${api}/apps`, { credentials: "include", mode: "no-cors" })),
        header: await tried(() => text(`${api}/apps`, { credentials: "include", headers: ours })),
        nocorsheader: await tried(() =>
            text(`${api}/apps`, { credentials: "include", mode: "no-cors", headers: ours })),
        session: await tried(() => text(`${own}/_/session`, { credentials: "include" })),
        here: await tried(() => text("/_/api/v1/apps", { headers: ours })),
        script: await tried(() => element("script", `${api}/apps`)),
        module: await tried(() => element("script", `${own}/_/static/api.js`)),
        image: await tried(() => element("img", `${own}/_/static/icon.svg`)),
        style: await tried(() => element("link", `${own}/_/static/style.css`)),
        cookie: await tried(() => (document.cookie.includes("tapwater") ? document.cookie : "")),
        events: await tried(() => new Promise((done) => {
            const source = new EventSource(`${api}/live`, { withCredentials: true });
            source.onopen = () => done("opened");
            source.onerror = () => done("");
        })),
        socket: await tried(() => new Promise((done) => {
            const url = `${api}/apps/evil/docs-live`.replace("http", "ws");
            const socket = new WebSocket(url);
            const wanted = { type: "subscribe", id: "1", document: "secret/1" };
            socket.onopen = () => socket.send(JSON.stringify(wanted)); // It is open to nobody too.
            socket.onmessage = ({ data }) => done(data.includes("admin's") ? data : "");
            socket.onclose = () => done("");
        })),
    };
}
"""
WRITES = """
async (own) => {
    const api = `${own}/_/api/v1`;
    const send = (method, url, options) => fetch(url, {
        method, credentials: "include", mode: "no-cors", ...options,
    }).catch(() => null);
    const change = JSON.stringify({ app: "" });
    await send("POST", `${own}/_/session`, { body: JSON.stringify({ token: "tap_x" }) });
    await send("POST", `${own}/_/session?_method=DELETE`, { body: "_method=DELETE" });
    await fetch(`${own}/_/session`, { method: "DELETE", credentials: "include" }).catch(() => null);
    await send("POST", `${api}/settings/default-app?_method=PUT`, { body: change });
    await send("POST", `${api}/tokens`, { body: JSON.stringify({ name: "stolen", admin: true }) });
    await send("POST", `${api}/apps/evil/docs/taken`, { body: JSON.stringify({ by: "evil" }) });
    await send("POST", `${api}/apps/evil/rollback`, { body: JSON.stringify({ to: 1 }) });
    await send("POST", `${api}/session-codes`, {});
    navigator.sendBeacon(`${api}/tokens`, JSON.stringify({ name: "beacon", admin: true }));
}
"""
FORM = """
(url) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: url, enctype: "text/plain" });
    const field = document.createElement("input");
    Object.assign(field, { name: '{"name": "form", "admin": true, "x": "', value: '"}' });
    form.append(field);
    document.body.append(form);
    form.submit();
}
"""
FRAME = """
(url) => new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.onload = () => {
        try {
            done(String(frame.contentDocument && frame.contentDocument.title));
        } catch (error) {
            done(error.name);
        }
    };
    frame.src = url;
    document.body.append(frame);
})
"""
OPENED = """
async (url) => {
    const other = window.open(url);
    if (!other) return ["no window"];
    const tries = {
        document: () => other.document.title,
        storage: () => other.localStorage.length,
        fetch: () => other.fetch("/_/api/v1/apps"),
    };
    const until = performance.now() + 2000;
    while (performance.now() < until && !other.closed) {
        await new Promise((done) => setTimeout(done, 20));
    }
    const could = [];
    for (const [name, step] of Object.entries(tries)) {
        try {
            step();
            could.push(name);
        } catch (error) {
            continue;
        }
    }
    return [other.closed ? "severed" : "held", ...could];
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser | None]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("apart") / "data") as running:
        running.deploy(FILES, APP)
        running.api("PUT", "/settings/default-app", json={"app": APP})
        running.api("PUT", f"/apps/{APP}/docs/secret/1", json={"text": "the admin's"})
        yield running


@pytest.fixture(scope="module")
def kept(browser: Browser | None, platform: Platform) -> Iterator[BrowserContext | None]:
    """A browser in which the admin is signed in to the dashboard; no test may change that."""
    if browser is None:
        yield None
        return
    made = browser.new_context()
    made.set_default_timeout(WAIT_MS_MAX)
    desk = Desk(made.new_page(), platform)
    desk.sign_in(platform.token)
    yield made
    made.close()


@pytest.fixture
def context(kept: BrowserContext | None, cannot_test: CannotTest) -> Iterator[BrowserContext]:
    """The same, without the windows of the test before."""
    if kept is None:
        cannot_test("there is no Chromium on this machine")
    yield kept
    for page in kept.pages:
        page.close()


def own(platform: Platform) -> str:
    return f"http://tapwater.localhost:{platform.port}"


def signed_in(context: BrowserContext, platform: Platform) -> bool:
    page = context.new_page()
    page.goto(f"{own(platform)}/_/")
    said: dict[str, Any] = page.evaluate(
        "() => fetch('/_/session', {headers: {'x-tapwater': 'dashboard'}})"
        ".then((one) => one.json())"
    )
    page.close()
    return bool(said["signed_in"]) and bool(said["admin"])


@pytest.fixture(params=["localhost", "127.0.0.1", f"{APP}.localhost"])
def evil(request: pytest.FixtureRequest, context: BrowserContext, platform: Platform) -> Page:
    """A page of a function, in the same browser."""
    page = context.new_page()
    page.goto(f"http://{request.param}:{platform.port}/page")
    assert page.title() == "Evil"
    return page


def test_a_functions_page_reads_nothing(
    evil: Page, context: BrowserContext, platform: Platform
) -> None:
    could: dict[str, str] = evil.evaluate(READS, own(platform))
    assert {name: what for name, what in could.items() if what != "refused"} == {}
    evil.goto(evil.url.replace("/page", "/take"))
    assert "tapwater" not in evil.locator("body").inner_text()
    assert signed_in(context, platform)


def test_a_functions_page_changes_nothing(
    evil: Page, context: BrowserContext, platform: Platform
) -> None:
    evil.evaluate(WRITES, own(platform))
    with evil.expect_navigation():
        evil.evaluate(FORM, f"{own(platform)}/_/api/v1/tokens")
    assert signed_in(context, platform)
    names = {one["name"] for one in platform.api("GET", "/tokens").json()["tokens"]}
    assert names.isdisjoint({"stolen", "beacon", "form"})
    assert platform.get("/page").status_code == 200  # It is the default app still.
    assert platform.api("GET", f"/apps/{APP}/docs/taken").json()["documents"] == []


def test_a_functions_page_cannot_hold_the_dashboard_in_a_frame_or_a_window(
    evil: Page, platform: Platform
) -> None:
    for place in ("/_/", "/_/api/v1/apps", "/_/session"):
        assert evil.evaluate(FRAME, own(platform) + place) in {"SecurityError", "null"}
    assert "Tapwater" not in "".join(
        frame.title() for frame in evil.frames if frame != evil.main_frame
    )
    assert evil.evaluate(OPENED, f"{own(platform)}/_/") == ["severed"]


def test_a_functions_page_cannot_give_the_dashboard_another_cookie(
    evil: Page, context: BrowserContext, platform: Platform
) -> None:
    name = f"tapwater-{platform.port}"
    for domain in ("localhost", ".localhost", "tapwater.localhost", ""):
        said = f"; domain={domain}" if domain else ""
        evil.evaluate("(said) => { document.cookie = said; }", f"{name}=tossed; path=/_/{said}")
    tossed = [one for one in context.cookies(f"{own(platform)}/_/") if one.get("value") == "tossed"]
    assert tossed == []
    assert signed_in(context, platform)


def test_a_service_worker_that_an_app_left_never_hears_who_signs_in(
    context: BrowserContext, platform: Platform
) -> None:
    page = context.new_page()
    page.goto(f"http://localhost:{platform.port}/page")
    assert page.evaluate(WORKER)
    platform.api("PUT", "/settings/default-app", json={"app": None})
    page.goto(f"http://localhost:{platform.port}/_/")
    expect(page.get_by_role("heading", name="Taken")).to_be_visible()  # It is still there.
    page.evaluate(GONE)
    page.goto(f"{own(platform)}/_/")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    bare = platform.http.post(
        f"{platform.url}/_/session",
        json={"token": platform.token},
        headers={"host": f"localhost:{platform.port}", "x-tapwater": "dashboard"},
    )
    assert bare.status_code == 403  # So nobody is ever asked for a token there.
    assert "set-cookie" not in bare.headers
    moved = platform.http.get(f"{platform.url}/_/", headers={"host": f"localhost:{platform.port}"})
    assert moved.headers["location"] == f"{own(platform)}/_/"
    platform.api("PUT", "/settings/default-app", json={"app": APP})
