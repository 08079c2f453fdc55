"""Budgets on a real platform: calls, services, deliveries, who is told, and a kill -9."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.functional.running import Platform
from tests.functional.smtp import Receiver
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
APP = {
    "rules.toml": '[docs."notes/{id}"]\nread = "true"\n',
    "api/restful/hello.py": "def get():\n    return {'hi': 1}\n",
    "api/restful/greedy.py": (
        "from tapwater import docs\n"
        "from tapwater.services.transport import ServiceError\n\n\n"
        "def get():\n"
        "    done = 0\n"
        "    try:\n"
        "        for number in range(50):\n"
        "            docs.set(f'notes/{number}', {'n': number})\n"
        "            done += 1\n"
        "    except ServiceError as error:\n"
        "        return {'done': done, 'code': error.code, 'status': error.status}\n"
        "    return {'done': done}\n"
    ),
    "api/restful/outer.py": (
        "from tapwater import CallFailed\n\n\n"
        "def get(ctx):\n"
        "    try:\n"
        "        return ctx.call('api/hello')\n"
        "    except CallFailed as error:\n"
        "        return {'ending': error.ending}\n"
    ),
    "api/reactive/take.py": (
        "from tapwater import cache, on\n\n\n"
        "@on.message('in')\n"
        "def take(message):\n"
        "    cache.increment('taken')\n"
    ),
    "api/reactive/warned.py": (
        "from tapwater import cache, on\n\n\n"
        "@on.event(type='tapwater.budget.reached')\n"
        "def warned(event):\n"
        "    cache.set(f\"warned-{event.data['percent']:g}\", event.data)\n"
    ),
}
HELLO, DOCS = "/api-api/hello", "/apps/shop/docs"


class Hooks:
    """A server for webhooks, on loopback; it keeps what it is sent."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        came = self.came

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                came.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def mails() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, mails: Receiver) -> Iterator[Platform]:
    settings = {"TAPWATER_SMTP_URL": mails.url, "TAPWATER_REACH_PRIVATE": "yes"}
    with Platform(tmp_path_factory.mktemp("budgets") / "data", settings=settings) as running:
        running.deploy(APP, "shop")
        yield running


@pytest.fixture(autouse=True)
def alone(shop: Platform) -> Iterator[None]:
    """Each test has budgets of its own."""
    yield
    for one in shop.api("GET", "/budgets").json()["budgets"]:
        assert shop.api("DELETE", f"/budgets/{one['name']}").status_code == 204


def put(platform: Platform, name: str, **said: Any) -> dict[str, Any]:
    answer = platform.api("PUT", f"/budgets/{name}", json={"every": "day", **said})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown(platform: Platform, name: str) -> dict[str, Any]:
    found: dict[str, Any] = platform.api("GET", f"/budgets/{name}").json()
    return found


def room_for(platform: Platform, name: str, more: float, **said: Any) -> None:
    """A budget with room for so much more than what was used today."""
    spent = put(platform, name, limit=1e9, **said)["spent"]
    put(platform, name, limit=spent + more, **said)


def cached(platform: Platform, key: str) -> Any:
    answer = platform.api("GET", f"/apps/shop/cache/{key}")
    return answer.json()["value"] if answer.status_code == 200 else None


def test_the_call_after_the_last_is_refused_and_says_why(shop: Platform) -> None:
    room_for(shop, "few", 3, unit="calls", function="shop:api/hello")
    assert [shop.get(HELLO).status_code for _ in range(3)] == [200] * 3
    refused = shop.get(HELLO)
    said = refused.json()
    assert (refused.status_code, said["code"]) == (402, "budget_exhausted")
    assert "'few' of the function shop:api/hello" in said["detail"]
    assert "T00:00:00+00:00" in said["detail"]
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    [record] = shop.records(app="shop", function="api/hello", limit="1")
    assert (record["id"], record["ending"]) == (said["invocation"], "budget_exhausted")
    few = shown(shop, "few")
    assert (few["spent"], few["state"]) == (few["limit"], "spent")  # Refusing costs nothing.
    put(shop, "few", limit=few["limit"] + 1, unit="calls", function="shop:api/hello")
    assert shop.get(HELLO).status_code == 200


def test_a_function_called_by_a_function_is_checked_too(shop: Platform) -> None:
    put(shop, "inner", limit=0, unit="calls", function="shop:api/hello")
    assert shop.get("/api-api/outer").json() == {"ending": "budget_exhausted"}


def test_a_project_is_stopped_as_one(shop: Platform) -> None:
    assert shop.api("PUT", "/projects/retail", json={"apps": ["shop"]}).status_code == 200
    try:
        put(shop, "all", limit=0, unit="calls", project="retail")
        assert shop.get(HELLO).status_code == 402
    finally:
        assert shop.api("DELETE", "/projects/retail").status_code == 204
    assert shop.get(HELLO).status_code == 200


def test_one_call_cannot_write_beyond_the_budget(shop: Platform) -> None:
    room_for(shop, "writes", 10, unit="doc_writes", app="shop")
    assert shop.get("/api-api/greedy").json() == {
        "done": 10,
        "code": "budget_exhausted",
        "status": 402,
    }


def test_a_browser_is_refused_and_owners_reach_their_data(shop: Platform) -> None:
    assert shop.api("PUT", f"{DOCS}/notes/one", json={"a": 1}).status_code in {200, 201}
    token = shop.api("POST", "/tokens", json={"name": "ci", "apps": ["shop"]}).json()["token"]
    deploy = {"authorization": f"Bearer {token}"}
    put(shop, "none", limit=0, unit="calls", app="shop")
    try:
        url = f"{shop.url}/_/v1/docs/notes/one"
        browser = shop.http.get(url)
        assert (browser.status_code, browser.json()["code"]) == (402, "budget_exhausted")
        assert shop.http.get(url, headers=deploy).json()["data"] == {"a": 1}
        assert shop.http.put(url, headers=deploy, json={"a": 2}).status_code == 402
        assert shop.api("PUT", f"{DOCS}/notes/one", json={"a": 3}).status_code == 200
        export = shop.http.get(f"{shop.url}/_/v1/docs-export", headers=deploy)
        assert export.status_code == 200
        assert shop.http.delete(url, headers=deploy).status_code == 204
    finally:
        shop.api("DELETE", "/tokens/ci")


def test_a_deploy_token_sets_its_own_and_lifts_nobody_elses(shop: Platform) -> None:
    token = shop.api("POST", "/tokens", json={"name": "ci", "apps": ["shop"]}).json()["token"]
    deploy = {"authorization": f"Bearer {token}"}
    put(shop, "shop.admins", limit=5, unit="calls", app="shop")
    put(shop, "node", limit=1e6, unit="calls")

    def ask(method: str, name: str, **said: Any) -> int:
        return shop.api(method, f"/budgets/{name}", headers=deploy, **said).status_code

    try:
        wanted = {"limit": 100, "unit": "calls", "app": "shop"}
        assert ask("PUT", "shop.admins", json=wanted) == 403
        assert ask("DELETE", "shop.admins") == 403
        assert ask("PUT", "daily", json=wanted) == 403
        assert ask("PUT", "shop.all", json={"limit": 1, "unit": "calls"}) == 403
        assert ask("PUT", "other.x", json={**wanted, "app": "other"}) == 403
        assert ask("GET", "node") == 404
        assert ask("PUT", "shop.own", json=wanted) == 200
        seen = shop.api("GET", "/budgets", headers=deploy).json()["budgets"]
        assert [one["name"] for one in seen] == ["shop.admins", "shop.own"]
        assert ask("DELETE", "shop.own") == 204
    finally:
        shop.api("DELETE", "/tokens/ci")


def test_messages_wait_and_are_delivered_when_the_budget_is_raised(shop: Platform) -> None:
    before = cached(shop, "taken") or 0
    put(shop, "closed", limit=0, unit="calls", app="shop")
    for number in range(5):
        sent = shop.api(
            "POST", "/apps/shop/queues/in/messages", json={"messages": [{"body": number}]}
        )
        assert sent.status_code in {200, 201, 202}, sent.text
    until(
        lambda: shop.api("GET", "/apps/shop/queues/in").json()["stats"]["waiting"] == 5,
        "all five lie there",
    )
    assert (cached(shop, "taken") or 0) == before
    put(shop, "closed", limit=1e9, unit="calls", app="shop")
    until(lambda: cached(shop, "taken") == before + 5, "all five are taken")
    assert not shop.api("GET", "/apps/shop/queues/in/dead").json()["messages"]


def test_functions_people_and_webhooks_are_told(shop: Platform, mails: Receiver) -> None:
    hooks = Hooks()
    try:
        said: dict[str, Any] = {
            "unit": "calls",
            "function": "shop:api/hello",
            "steps": [{"at": 50, "does": "warn"}, {"at": 100, "does": "refuse"}],
            "mails": ["ada@example.com"],
            "webhooks": [hooks.url],
        }
        spent = put(shop, "told", limit=1e9, **said)["spent"]
        limit = 2 * spent + 2
        secret = put(shop, "told", limit=limit, **said)["webhook_secret"]
        assert shop.get(HELLO).status_code == 200
        until(lambda: cached(shop, "warned-50") is not None, "the function was told")
        until(lambda: len(hooks.came) == 1, "the webhook was called")
        mail = mails.next_mail()
        assert "50 %" in mail["subject"]
        assert mail["to"] == "ada@example.com"
        headers, body = hooks.came[0]
        signed = f"{headers['x-timestamp']}.".encode() + body
        wanted = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["x-signature"] == f"sha256={wanted}"
        facts = json.loads(body)
        assert (facts["budget"], facts["percent"], facts["limit"]) == ("told", 50, limit)
        [reached] = shown(shop, "told")["reached"]
        assert reached["at"] == 50
    finally:
        hooks.close()


def test_a_budget_of_the_default_project_is_told_to_its_apps(shop: Platform) -> None:
    said: dict[str, Any] = {"unit": "calls", "project": "default"}
    steps = [{"at": 37, "does": "warn"}]
    spent = put(shop, "rest", limit=1e9, steps=steps, **said)["spent"]
    put(shop, "rest", limit=(spent + 1) / 0.37, steps=steps, **said)
    assert [shop.get(HELLO).status_code for _ in range(2)] == [200, 200]
    until(lambda: cached(shop, "warned-37") is not None, "the function was told")


def test_bad_budgets_are_refused(shop: Platform) -> None:
    good = {"limit": 1, "unit": "calls"}
    for bad in (
        {**good, "limit": -1},
        {**good, "limit": 1e300},
        {**good, "unit": "apples"},
        {**good, "zone": "Nowhere/Land"},
        {**good, "every": "year"},
        {**good, "app": "shop", "project": "x"},
        {**good, "function": "hello"},
        {**good, "steps": []},
        {**good, "steps": [{"at": 0, "does": "warn"}]},
        {**good, "steps": [{"at": 50, "does": "slow"}, {"at": 60, "does": "slow"}]},
        {**good, "mails": ["nobody"]},
        {**good, "mails": ["a@b.c\nbcc: x@y.z"]},
        {**good, "webhooks": ["file:///etc/passwd"]},
        {**good, "colour": "red"},
    ):
        answer = shop.api("PUT", "/budgets/bad", json=bad)
        assert answer.status_code == 400, bad
        assert answer.json()["code"] == "invalid"
    assert shop.api("PUT", "/budgets/a%20b", json=good).status_code == 400
    assert shop.api("GET", "/budgets").json()["budgets"] == []


def test_what_was_spent_is_known_after_a_kill(tmp_path: Path) -> None:
    with Platform(tmp_path / "data") as platform:
        platform.deploy({"api/restful/hello.py": APP["api/restful/hello.py"]}, "shop")
        put(platform, "few", limit=5, unit="calls", app="shop")
        assert [platform.get(HELLO).status_code for _ in range(4)] == [200] * 4
        platform.kill()
        platform.start()
        assert shown(platform, "few")["spent"] == 4
        assert [platform.get(HELLO).status_code for _ in range(3)] == [200, 402, 402]
        platform.kill()
        platform.start()
        assert platform.get(HELLO).status_code == 402
