"""The control API as tables: who asks for what, and what comes back."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Done, function_line
from tapwater_server.ports.meter import LogLine, Record
from tapwater_server.web.openapi import plain_path
from tests.functional.control.rig import Rig, control_rig

V1 = "/_/api/v1"
GET = "def get():\n    return 'hello'\n"
FILES = {"users/restful/register.py": GET, "users/restful/[id].py": GET + "def put(): ...\n"}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with control_rig(tmp_path) as made:
        await made.deployed("shop", FILES)
        yield made


async def ask(rig: Rig, method: str, path: str, **more: Any) -> tuple[int, Any]:
    answer = await rig.client.request(method, path, **more)
    return answer.status_code, json.loads(answer.text) if answer.text else None


async def holder(rig: Rig, *apps: str) -> httpx.AsyncClient:
    token = await rig.tokens.issue("holder", admin=False, apps=[AppId(app) for app in apps])
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=rig.app),
        base_url="http://127.0.0.1:8080",
        headers={"authorization": f"Bearer {token}"},
    )


async def test_health_is_public(rig: Rig) -> None:
    answer = await rig.client.get("/_/health", headers={"authorization": ""})
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "Basic abc", "Bearer " + "x" * 600]
)
async def test_without_a_token_nothing_is_said(rig: Rig, header: str) -> None:
    for one in rig.app.table.endpoints:
        if one.who == "anyone":
            continue
        path = V1 + plain_path(one.path).replace("{app}", "shop").replace("{", "").replace("}", "")
        answer = await rig.client.request(one.method, path, headers={"authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_in_the_url_does_not_count(rig: Rig) -> None:
    token = rig.client.headers["authorization"].split()[1]
    answer = await rig.client.get(f"{V1}/apps?token={token}", headers={"authorization": ""})
    assert answer.status_code == 401


async def test_a_deploy_token_sees_its_apps_only(rig: Rig) -> None:
    await rig.deployed("blog", FILES)
    rig.meter.note(record("a", "shop"))
    rig.meter.note(record("b", "blog"))
    async with await holder(rig, "blog", "news") as client:
        listed = (await client.get(f"{V1}/apps")).json()["apps"]
        assert [one["name"] for one in listed] == ["blog"]
        there = await client.get(f"{V1}/apps/shop")
        nowhere = await client.get(f"{V1}/apps/nowhere")
        assert there.status_code == nowhere.status_code == 404
        assert there.json()["detail"] == "there is no app shop"
        for method, path in [
            ("DELETE", "/apps/shop"),
            ("GET", "/apps/shop/secrets"),
            ("POST", "/apps/shop/deploys"),
            ("POST", "/apps/shop/call/users/register"),
            ("GET", "/apps/shop/revisions"),
            ("POST", "/apps/shop/rollback"),
            ("GET", "/logs?app=shop"),
            ("GET", "/invocations/a"),
        ]:
            answer = await client.request(method, V1 + path)
            assert answer.status_code == 404, path
        for method, path in [
            ("GET", "/tokens"),
            ("GET", "/doctor"),
            ("PUT", "/settings/default-app"),
        ]:
            assert (await client.request(method, V1 + path)).status_code == 403, path
        assert (await client.get(f"{V1}/invocations/b")).status_code == 200
        assert (await client.get(f"{V1}/invocations")).status_code == 400
        ours = (await client.get(f"{V1}/invocations?app=blog")).json()["invocations"]
        assert [one["id"] for one in ours] == ["b"]
        assert (
            await client.put(f"{V1}/apps/news/secrets/A", json={"value": "x"})
        ).status_code == 204


async def test_apps_and_revisions(rig: Rig) -> None:
    await rig.deployed("shop", FILES, note="second")
    _, apps = await ask(rig, "GET", f"{V1}/apps")
    assert apps["apps"] == [
        {
            "name": "shop",
            "functions": 2,
            "aliases": {"live": {"2": 100}},
            "hosts": [],
            "default": True,
            "url": "http://127.0.0.1:8080",
            "note": "second",
            "cloud": "",
        }
    ]
    _, app = await ask(rig, "GET", f"{V1}/apps/shop")
    assert [one["url"] for one in app["revision"]["functions"]] == [
        "http://127.0.0.1:8080/users-api/{id}",
        "http://127.0.0.1:8080/users-api/register",
    ]
    _, listed = await ask(rig, "GET", f"{V1}/apps/shop/revisions")
    assert [(one["number"], one["note"]) for one in listed["revisions"]] == [(2, "second"), (1, "")]
    assert (await ask(rig, "DELETE", f"{V1}/apps/shop/revisions/2"))[0] == 409
    assert (await ask(rig, "DELETE", f"{V1}/apps/shop/revisions/1"))[0] == 204
    assert (await ask(rig, "DELETE", f"{V1}/apps/shop/revisions/1"))[0] == 404
    assert (await ask(rig, "DELETE", f"{V1}/apps/shop"))[0] == 204
    assert (await ask(rig, "GET", f"{V1}/apps/shop"))[0] == 404
    assert rig.registry.default_app() is None


async def test_rolling_back_and_splitting(rig: Rig) -> None:
    await rig.deployed("shop", FILES)
    await rig.deployed("shop", FILES)
    status, said = await ask(rig, "POST", f"{V1}/apps/shop/rollback")
    assert (status, said["aliases"]["live"]) == (200, {"2": 100})
    _, said = await ask(rig, "POST", f"{V1}/apps/shop/rollback", json={"to": 1})
    assert said["aliases"]["live"] == {"1": 100}
    assert (await ask(rig, "POST", f"{V1}/apps/shop/rollback"))[0] == 404
    path = f"{V1}/apps/shop/aliases"
    _, said = await ask(rig, "PUT", f"{path}/canary", json={"weights": {"3": 100}})
    assert said["aliases"]["canary"] == {"3": 100}
    _, said = await ask(rig, "PUT", f"{path}/live", json={"weights": {"live": 90, "canary": 10}})
    assert said["aliases"]["live"] == {"1": 90, "3": 10}
    assert (await ask(rig, "PUT", f"{path}/live", json={"weights": {"1": 50}}))[0] == 400
    assert (await ask(rig, "PUT", f"{path}/live", json={"weights": {"9": 100}}))[0] == 404
    assert (await ask(rig, "PUT", f"{path}/r1", json={"weights": {"1": 100}}))[0] == 400
    assert (await ask(rig, "PUT", f"{path}/live", json={"weight": {}}))[0] == 400
    assert (await ask(rig, "DELETE", f"{path}/canary"))[0] == 204
    assert (await ask(rig, "DELETE", f"{path}/canary"))[0] == 404
    assert (await ask(rig, "DELETE", f"{path}/live"))[0] == 400


async def test_calling(rig: Rig) -> None:
    path = f"{V1}/apps/shop/call"
    status, said = await ask(rig, "POST", f"{path}/users/register", json={})
    assert (status, said["ending"], said["status"]) == (200, "ok", 200)
    answer = json.loads(said["body"])
    assert (answer["method"], answer["path"]) == ("GET", "/users-api/register")
    assert said["usage"]["wall_s"] == 0.001
    asked = {"params": {"id": "7"}, "method": "put", "data": {"a": 1}, "headers": {"X-A": "b"}}
    _, said = await ask(rig, "POST", f"{path}/users/[id]", json=asked)
    answer = json.loads(said["body"])
    assert (answer["path"], answer["method"], answer["body"]) == ("/users-api/7", "PUT", '{"a":1}')
    assert rig.invoker.seen[-1].headers == [
        (b"x-a", b"b"),
        (b"content-type", b"application/json"),
    ]
    _, said = await ask(rig, "POST", f"{path}/users/[id]", json={"path": "/users-api/9"})
    assert json.loads(said["body"])["params"] == {"id": "9"}


@pytest.mark.parametrize(
    ("function", "body", "status"),
    [
        ("users/nothing", {}, 404),
        ("users/[id]", {}, 400),
        ("users/[id]", {"path": "/elsewhere"}, 400),
        ("users/[id]", {"params": {"id": "1", "x": "2"}}, 400),
        ("users/register", {"method": "BREW"}, 400),
        ("users/register", {"headers": {"a b": "c"}}, 400),
        ("users/register", {"headers": {"a": "b\r\nc: d"}}, 400),
        ("users/register", {"data": 1, "body_base64": "eA=="}, 400),
        ("users/register", {"body_base64": "?"}, 400),
        ("users/register", {"body_base64": "ü"}, 400),
        ("users/register", {"revision": 9}, 404),
        ("users/register", {"revision": "nope"}, 404),
        ("users/register", {"colour": 1}, 400),
        ("users/register", {"revision": 1}, 200),
        ("users/register", {"revision": "live"}, 200),
    ],
)
async def test_calls_that_cannot_be(rig: Rig, function: str, body: Any, status: int) -> None:
    got, said = await ask(rig, "POST", f"{V1}/apps/shop/call/{function}", json=body)
    assert got == status, said


async def test_calling_in_the_background(rig: Rig) -> None:
    path = f"{V1}/apps/shop/call/users/register"
    status, said = await ask(rig, "POST", path, json={"background": True, "data": {"a": 1}})
    assert status == 202
    line = function_line("shop:users/register")
    (delivery,) = await rig.bus.lease(line, count_max=5, lease_s=10)
    assert delivery.errand.function == "shop:users/register"
    assert delivery.errand.body == b'{"a":1}'
    status, state = await ask(rig, "GET", f"{V1}/background/{said['id']}")
    assert (status, state["state"]) == (200, "leased")
    await rig.bus.settle([(delivery, Done(result=b'{"status":200}'))])
    _, state = await ask(rig, "GET", f"{V1}/background/{said['id']}")
    assert (state["state"], state["result"]) == ("done", {"status": 200})
    assert (await ask(rig, "GET", f"{V1}/background/nope"))[0] == 404
    async with await holder(rig, "blog") as client:
        assert (await client.get(f"{V1}/background/{said['id']}")).status_code == 404


async def test_secrets(rig: Rig) -> None:
    path = f"{V1}/apps/shop/secrets"
    assert (await ask(rig, "PUT", f"{path}/KEY", json={"value": "hidden"}))[0] == 204
    assert await ask(rig, "GET", path) == (200, {"secrets": ["KEY"]})
    assert rig.secrets.values(AppId("shop"), ["KEY"]) == {"KEY": "hidden"}
    assert (await ask(rig, "PUT", f"{path}/a b", json={"value": "x"}))[0] == 400
    assert (await ask(rig, "PUT", f"{path}/BIG", json={"value": "x" * 70_000}))[0] == 413
    assert (await ask(rig, "PUT", f"{path}/KEY", json={"value": 3}))[0] == 400
    assert (await ask(rig, "DELETE", f"{path}/KEY"))[0] == 204
    assert (await ask(rig, "DELETE", f"{path}/KEY"))[0] == 404


async def test_tokens(rig: Rig) -> None:
    path = f"{V1}/tokens"
    status, said = await ask(rig, "POST", path, json={"name": "ci", "apps": ["shop"]})
    assert status == 201
    assert rig.tokens.check(said["token"]) is not None
    assert (await ask(rig, "POST", path, json={"name": "ci", "apps": ["shop"]}))[0] == 409
    assert (await ask(rig, "POST", path, json={"name": "x"}))[0] == 400
    assert (await ask(rig, "POST", path, json={"name": "x", "admin": True, "apps": ["a"]}))[
        0
    ] == 400
    assert (await ask(rig, "POST", path, json={"name": "x", "apps": ["A!"]}))[0] == 400
    _, listed = await ask(rig, "GET", path)
    assert listed["tokens"][1] == {"name": "ci", "admin": False, "apps": ["shop"]}
    assert said["token"] not in json.dumps(listed)
    assert (await ask(rig, "DELETE", f"{path}/ci"))[0] == 204
    assert (await ask(rig, "DELETE", f"{path}/ci"))[0] == 404
    assert rig.tokens.check(said["token"]) is None


async def test_logs_and_invocations(rig: Rig) -> None:
    rig.meter.note(record("one", "shop"))
    rig.meter.log(line("first", "info"))
    rig.meter.log(line("second", "error"))
    _, said = await ask(rig, "GET", f"{V1}/logs?app=shop")
    assert [one["text"] for one in said["lines"]] == ["first", "second"]
    assert await ask(rig, "GET", f"{V1}/logs?after={said['next']}") == (
        200,
        {"lines": [], "next": said["next"]},
    )
    _, said = await ask(rig, "GET", f"{V1}/logs?level=error&function=users/register")
    assert [one["text"] for one in said["lines"]] == ["second"]
    for query in ("level=loud", "limit=0", "limit=x", "after=-1", "follow=maybe", "app=A!"):
        assert (await ask(rig, "GET", f"{V1}/logs?{query}"))[0] == 400, query
    _, said = await ask(rig, "GET", f"{V1}/invocations/one")
    assert (said["ending"], [one["text"] for one in said["lines"]]) == ("ok", ["first", "second"])
    assert (await ask(rig, "GET", f"{V1}/invocations/none"))[0] == 404


async def test_the_rest(rig: Rig) -> None:
    assert await ask(rig, "GET", f"{V1}/doctor") == (200, {"layers": []})
    assert await ask(rig, "GET", f"{V1}/top") == (200, {"functions": []})
    await rig.deployed("blog", FILES)
    path = f"{V1}/settings/default-app"
    assert await ask(rig, "PUT", path, json={"app": "blog"}) == (200, {"app": "blog"})
    assert (await ask(rig, "PUT", path, json={"app": "nope"}))[0] == 404
    assert await ask(rig, "PUT", path, json={"app": None}) == (200, {"app": None})
    status, said = await ask(rig, "GET", f"{V1}/nothing-here")
    assert (status, said["code"]) == (404, "not_found")
    status, said = await ask(rig, "POST", f"{V1}/doctor")
    assert (status, said["code"]) == (405, "method_not_allowed")
    assert (await ask(rig, "PUT", path, content=b"{" * 10))[0] == 400
    assert (await ask(rig, "PUT", path, content=b" " * (9 << 20)))[0] == 413


async def test_the_document_describes_every_route(rig: Rig) -> None:
    _, said = await ask(rig, "GET", f"{V1}/openapi.json")
    described = {
        (method.upper(), path) for path, table in said["paths"].items() for method in table
    }
    assert described == {(one.method, plain_path(one.path)) for one in rig.app.table.endpoints}
    assert len(described) == len(rig.app.table.endpoints)
    names = [op["operationId"] for table in said["paths"].values() for op in table.values()]
    assert len(set(names)) == len(names)
    for reference in _references(said):
        assert reference.removeprefix("#/components/schemas/") in said["components"]["schemas"]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [one for part in value.values() for one in _references(part)]
    if isinstance(value, list):
        return [one for part in value for one in _references(part)]
    return []


def record(id: str, app: str) -> Record:
    return Record(
        id=id,
        at=1000.0,
        app=app,
        function="users/register",
        revision="r",
        method="GET",
        path="/",
        status=200,
        ending="ok",
        cold=False,
        queue_ms=0.0,
        wall_ms=1.0,
        cpu_ms=1.0,
        memory_peak_bytes=1,
        bytes_in=0,
        bytes_out=0,
        instance="i",
    )


def line(text: str, level: str) -> LogLine:
    return LogLine(
        at=1000.0,
        app="shop",
        function="users/register",
        invocation="one",
        instance="i",
        level=level,
        text=text,
    )
