"""tapwater.js in a real browser against a real platform."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.functional.running import Platform

pytestmark = pytest.mark.slow

RULES = """
[docs."notes/{id}"]
read = "user != null"
create = "user != null && new.owner == user.id"
update = "user != null && old.owner == user.id"
delete = "user != null && old.owner == user.id"

[docs."open/{id}"]
read = "true"

[blobs."files/{name}"]
read = "true"
write = "user != null"
"""
FILES = {
    "rules.toml": RULES,
    "tapwater.toml": 'cors = { origins = ["*"] }\n[users]\nconfirm = false\n',
    "main/restful/double.py": (
        "def get():\n    return 'hi'\n\ndef post(n: int):\n    return n * 2\n"
    ),
    "main/restful/who.py": (
        "from tapwater import options\n\noptions(auth='user')\n\n"
        "def get(user):\n    return {'id': user.id}\n"
    ),
    "public/index.html": "<!doctype html><title>page</title>",
}
_BEGIN = """
async (url) => {
    const { Tapwater, TapwaterError } = await import(url + "/_/v1/tapwater.js");
    window.TapwaterError = TapwaterError;
    window.app = new Tapwater(url ? { url } : {});
    window.until = async (true_) => {
        while (!true_()) await new Promise((done) => requestAnimationFrame(done));
    };
}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("browser") / "data") as running:
        running.deploy(FILES, "shop")
        assert running.api("PUT", "/apps/shop/blobs/files", json={}).status_code < 300
        yield running


@pytest.fixture
def app(page: Page, shop: Platform) -> Page:
    page.goto(shop.url)
    page.evaluate(_BEGIN, "")
    return page


def signed_up(page: Page, email: str) -> str:
    script = "async (email) => (await app.auth.signUp(email, 'a long password')).id"
    id: str = page.evaluate(script, email)
    return id


def test_users(app: Page) -> None:
    heard = app.evaluate(
        """async () => {
        const heard = [];
        app.auth.onChange((user) => heard.push(user && user.email));
        await until(() => heard.length === 1);
        await app.auth.signUp("ada@example.com", "a long password", { name: "Ada" });
        const mine = await app.call("/main-api/who");
        await app.auth.signOut();
        const nobody = app.auth.user;
        await app.auth.signIn("ada@example.com", "a long password");
        const wrong = await app.auth.signIn("ada@example.com", "another one").catch((e) => e);
        return { heard, nobody, mine, id: app.auth.user.id, wrong: [wrong.name, wrong.code] };
    }"""
    )
    assert heard["heard"] == [None, "ada@example.com", None, "ada@example.com"]
    assert heard["nobody"] is None
    assert heard["mine"] == {"id": heard["id"]}
    assert heard["wrong"] == ["TapwaterError", "unauthenticated"]


def test_a_new_page_knows_who_is_signed_in(app: Page, shop: Platform) -> None:
    id = signed_up(app, "eve@example.com")
    app.goto(shop.url)
    app.evaluate(_BEGIN, "")
    assert app.evaluate("app.auth.user.id") == id
    assert app.evaluate("app.call('/main-api/who')") == {"id": id}


def test_a_token_that_ends_is_exchanged_once(app: Page) -> None:
    signed_up(app, "ren@example.com")
    seen = app.evaluate(
        """async () => {
        const name = Object.keys(localStorage).find((key) => key.startsWith("tapwater"));
        const before = JSON.parse(localStorage[name]);
        localStorage[name] = JSON.stringify({ ...before, ends: Date.now() });
        await Promise.all([1, 2, 3].map(() => app.call("/main-api/who")));
        const after = JSON.parse(localStorage[name]);
        localStorage[name] = JSON.stringify({ ...after, access: "spoilt" });
        const again = await app.call("/main-api/who");
        return [before.refresh !== after.refresh, again.id === app.auth.user.id];
    }"""
    )
    assert seen == [True, True]


def test_documents(app: Page) -> None:
    id = signed_up(app, "doc@example.com")
    seen = app.evaluate(
        """async (id) => {
        const made = await app.docs.add("notes", { owner: id, n: 1 });
        const changed = await app.docs.update(made.path, { n: 2 });
        const stale = await app.docs.update(made.path, { n: 3 }, { ifVersion: made.version })
            .catch((error) => error.code);
        const theirs = await app.docs.set("notes/x", { owner: "other" }).catch((e) => e.code);
        const found = await app.docs.query({ collection: "notes", where: [["owner", "==", id]] });
        const none = await app.docs.get("notes/none");
        await app.docs.delete(made.path);
        return { made, changed, stale, theirs, found: found.documents.map((one) => one.path),
            none, gone: await app.docs.get(made.path) };
    }""",
        id,
    )
    assert seen["made"]["data"] == {"owner": id, "n": 1}
    assert seen["changed"]["data"]["n"] == 2
    assert seen["stale"] in {"precondition_failed", "conflict"}
    assert seen["theirs"] in {"not_found", "not_allowed"}
    assert seen["found"] == [seen["made"]["path"]]
    assert (seen["none"], seen["gone"]) == (None, None)


def test_subscriptions_hear_of_each_change(app: Page, shop: Platform) -> None:
    def write(path: str, data: Any) -> None:
        assert shop.api("PUT", f"/apps/shop/docs/{path}", json=data).status_code < 300

    write("open/a", {"n": 2})
    app.evaluate(
        """async () => {
        window.all = []; window.one = undefined; window.refused = null; window.first = "";
        const query = { collection: "open", order_by: ["-n"] };
        window.stop = app.docs.subscribe(query, (now) => { all = now.map((d) => d.data.n); });
        app.docs.subscribe({ ...query, top: 1 }, (now) => { first = now.map((d) => d.id).join(); });
        app.docs.subscribe("open/b", (now) => { one = now; });
        app.docs.subscribe("secret", () => {}, (error) => { refused = error.code; });
        await until(() => all.length === 1 && one === null);
    }"""
    )
    write("open/b", {"n": 3})
    app.evaluate("until(() => all.join() === '3,2' && one && one.data.n === 3 && first === 'b')")
    assert shop.api("DELETE", "/apps/shop/docs/open/a").status_code == 204
    app.evaluate("until(() => all.join() === '3')")
    app.evaluate("stop()")
    write("open/b", {"n": 4})
    app.evaluate("until(() => one.data.n === 4)")
    assert app.evaluate("all.join()") == "3"


def test_a_broken_connection_is_taken_up_where_it_ended(
    page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Platform(tmp_path_factory.mktemp("again") / "data") as own:
        own.deploy(FILES, "shop")
        page.goto(own.url)
        page.evaluate(_BEGIN, "")
        page.evaluate(
            """async () => {
            window.heard = [];
            app.docs.subscribe("open", (now, change) =>
                heard.push([change && change.type, now.map((one) => one.id).join()]));
            await until(() => heard.length === 1);
        }"""
        )
        port = own.port
        own.stop()
        own.start(port=port)
        assert own.api("PUT", "/apps/shop/docs/open/a", json={}).status_code < 300
        page.evaluate("until(() => heard.length >= 2)")
        assert page.evaluate("heard") == [[None, ""], ["added", "a"]]


def test_blobs(app: Page) -> None:
    signed_up(app, "blob@example.com")
    seen = app.evaluate(
        """async () => {
        const small = await app.blobs.upload("files", "ü 1.txt", "hello",
            { type: "text/plain", metadata: { by: "Zoë" } });
        const content = new Uint8Array(20 << 20).map((_, at) => at % 251);
        const told = [];
        const big = await app.blobs.upload("files", "big", new Blob([content]),
            { onProgress: (sent, total) => told.push([sent, total]) });
        const back = new Uint8Array(await (await app.blobs.download("files", "big")).arrayBuffer());
        const text = await (await app.blobs.download("files", "ü 1.txt")).text();
        const aborting = new AbortController();
        const aborted = app.blobs.upload("files", "no", new Blob([content]),
            { signal: aborting.signal, onProgress: () => aborting.abort() });
        const facts = await app.blobs.facts("files", "ü 1.txt");
        const how = await aborted.catch((error) => error.name);
        return { small, size: big.size, same: back.every((byte, at) => byte === at % 251), text,
            last: told.at(-1), facts, how, count: back.length };
    }"""
    )
    assert seen["small"]["content_type"] == "text/plain"
    assert seen["facts"]["metadata"] == {"by": "Zoë"}
    assert (seen["size"], seen["count"], seen["same"]) == (20 << 20, 20 << 20, True)
    assert (seen["text"], seen["last"]) == ("hello", [20 << 20, 20 << 20])
    assert seen["how"] == "AbortError"


def test_what_rules_refuse_is_an_error(app: Page) -> None:
    code = app.evaluate("app.blobs.upload('files', 'a', 'x').catch((error) => error.code)")
    assert code in {"unauthenticated", "not_allowed", "not_found"}
    assert app.evaluate("app.events.publish('x.y', 1).catch((e) => e.status)") == 401


def test_functions(app: Page) -> None:
    assert app.evaluate("app.call('/main-api/double')") == "hi"
    assert app.evaluate("app.call('/main-api/double?n=4', null, {method: 'POST'})") == 8
    problem = app.evaluate(
        "app.call('/main-api/double', {}).catch((e) => [e.status, e.problems.length])"
    )
    assert problem == [422, 1]


def test_a_page_of_another_origin(page: Page, shop: Platform) -> None:
    page.goto(f"{shop.url}/_/v1/openapi.json")  # No policy for scripts: about:blank has no origin.
    page.goto(f"http://localhost:{shop.port}/")
    page.evaluate(_BEGIN, f"http://shop.localhost:{shop.port}")
    id = signed_up(page, "far@example.com")
    assert page.evaluate("app.call('/main-api/who')") == {"id": id}
    assert page.evaluate("app.docs.get('open/none')") is None


def test_the_page_to_try_the_services(page: Page, shop: Platform) -> None:
    page.goto(f"{shop.url}/_/v1/")
    page.wait_for_selector("details")
    assert page.title() == "Services of shop"
    page.click("summary:has-text('/_/v1/docs/{path}') >> nth=0")
    form = page.locator("details[open] form")
    form.locator("input").first.fill("open/none")
    form.locator("button").click()
    page.wait_for_selector("details[open] pre.bad")
    assert "404" in (form.locator("pre").text_content() or "")
