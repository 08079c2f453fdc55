"""Files, descriptions, the internal app, hosts, tokens and pages of other origins."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from tapwater_server.model.function import Alias, FunctionLimits
from tapwater_server.model.ids import AppId
from tests.functional.gateway.world import function, opened, revision

APP = revision(
    function("/users-api/profile/{id}", "GET", operations={"get": {"summary": "Who is it?"}}),
    function("/users-api/register", "POST", auth="token"),
    function("/limited", "GET", limits=FunctionLimits(rate_per_s=2.0)),
    function("/files/{...rest}", "GET"),
    function("/mounted", mount=True),
    settings={"schemas": {"users": {"User": {"type": "object"}}}},
)


@pytest.fixture
def public(tmp_path: Path) -> Path:
    root = tmp_path / "public"
    (root / "sub").mkdir(parents=True)
    (root / "index.html").write_text("<h1>home</h1>")
    (root / "sub" / "index.html").write_text("<h1>sub</h1>")
    (root / "app.js").write_text("let a = 1;" * 300)
    (root / "big.bin").write_bytes(bytes(range(256)) * 4000)
    (root / ".env").write_text("SECRET=1")
    (tmp_path / "outside.txt").write_text("outside")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "folder").symlink_to(tmp_path)
    return root


async def test_files_are_served_with_types_indexes_and_nothing_from_outside(public: Path) -> None:
    async with opened(APP, public=public) as world:
        async with httpx.AsyncClient(base_url=world.url) as client:
            home = await client.get("/")
            assert (home.text, home.headers["content-type"]) == (
                "<h1>home</h1>",
                "text/html; charset=utf-8",
            )
            for path in ("/sub", "/sub/", "/sub/index.html"):
                assert (await client.get(path)).text == "<h1>sub</h1>"
            script = await client.get("/app.js", headers={"accept-encoding": "gzip"})
            assert script.headers["content-encoding"] == "gzip"
            assert script.text == "let a = 1;" * 300
            big = await client.get("/big.bin")
            assert big.content == (public / "big.bin").read_bytes()
            head = await client.head("/big.bin")
            assert (head.headers["content-length"], head.content) == ("1024000", b"")
            for path in ("/link.txt", "/folder/outside.txt", "/.env", "/nosuch", "/app.js/"):
                assert (await client.get(path)).status_code == 404, path
            assert (await client.post("/app.js")).status_code == 404
        said = await world.ask(b"GET /../outside.txt HTTP/1.0\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 400 ")
        said = await world.ask(b"GET /sub%2f..%2f..%2foutside.txt HTTP/1.0\r\n\r\n")
        assert b"outside" not in said.partition(b"\r\n\r\n")[2]


async def test_files_seen_before_and_parts_of_files(public: Path) -> None:
    async with (
        opened(APP, public=public) as world,
        httpx.AsyncClient(base_url=world.url) as client,
    ):
        first = await client.get("/big.bin")
        etag, modified = first.headers["etag"], first.headers["last-modified"]
        for condition in (
            {"if-none-match": etag},
            {"if-none-match": f'"x", W/{etag}'},
            {"if-modified-since": modified},
        ):
            again = await client.get("/big.bin", headers=condition)
            assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/big.bin", headers={"if-none-match": '"x"'})).status_code == 200
        for asked, start, end in (
            ("bytes=0-9", 0, 10),
            ("bytes=1023990-", 1_023_990, 1_024_000),
            ("bytes=-5", 1_023_995, 1_024_000),
            ("bytes=10-99999999", 10, 1_024_000),
        ):
            part = await client.get("/big.bin", headers={"range": asked})
            assert part.status_code == 206
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/1024000"
            assert part.content == first.content[start:end]
        beyond = await client.get("/big.bin", headers={"range": "bytes=2000000-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */1024000")
        old = {"range": "bytes=0-9", "if-range": '"x"'}
        assert (await client.get("/big.bin", headers=old)).status_code == 200


async def test_functions_go_before_files_and_files_before_catch_alls(public: Path) -> None:
    (public / "files").mkdir()
    (public / "files" / "a.txt").write_text("a file")
    (public / "limited").write_text("a file")
    async with (
        opened(APP, public=public) as world,
        httpx.AsyncClient(base_url=world.url) as client,
    ):
        assert (await client.get("/limited")).text == "hello"
        assert (await client.get("/files/a.txt")).text == "a file"
        assert (await client.get("/files/b/c.txt")).text == "hello"
        assert world.invoker.calls[-1].invocation.params == {"rest": "b/c.txt"}
        assert (await client.get("/mounted/x/y")).text == "hello"
        invocation = world.invoker.calls[-1].invocation
        assert (invocation.root_path, invocation.path) == ("/mounted", "/x/y")


async def test_a_group_describes_itself_and_has_a_page_to_try_it() -> None:
    async with opened(APP) as world, httpx.AsyncClient(base_url=world.url) as client:
        said = (await client.get("/users-api/openapi.json")).json()
        assert said["openapi"] == "3.1.0"
        operation = said["paths"]["/users-api/profile/{id}"]["get"]
        assert operation["summary"] == "Who is it?"
        assert operation["parameters"][0]["name"] == "id"
        assert said["paths"]["/users-api/register"]["post"]["security"] == [{"bearer": []}]
        assert "User" in said["components"]["schemas"]
        page = await client.get("/users-api/docs")
        assert "script-src 'sha256-" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert "http://" not in page.text
        assert "https://" not in page.text
        assert (await client.get("/openapi.json")).status_code == 200
        assert (await client.get("/nosuch-api/openapi.json")).status_code == 404


async def test_an_app_that_takes_every_path_describes_itself() -> None:
    app = revision(function("/", mount=True), function("/users-api/{...rest}", "GET"))
    async with opened(app) as world, httpx.AsyncClient(base_url=world.url) as client:
        for path in ("/docs", "/openapi.json", "/users-api/docs", "/users-api/openapi.json"):
            assert (await client.get(path)).text == "hello", path


async def test_tokens_guard_functions_and_rates_limit_them() -> None:
    async with opened(APP) as world, httpx.AsyncClient(base_url=world.url) as client:
        url = "/users-api/register"
        nobody = await client.post(url)
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
        wrong = await client.post(url, headers={"authorization": "Bearer no"})
        assert wrong.status_code == 401
        other = await world.tokens.issue("other", admin=False, apps=[AppId("elsewhere")])
        denied = await client.post(url, headers={"authorization": f"Bearer {other}"})
        assert denied.status_code == 403
        mine = await world.tokens.issue("mine", admin=False, apps=[AppId("shop")])
        fine = await client.post(url, headers={"authorization": f"Bearer {mine}"})
        assert fine.status_code == 200
        assert b'"name":"mine"' in world.invoker.calls[-1].invocation.user
        statuses = [(await client.get("/limited")).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await client.get("/limited")).headers["retry-after"] == "1"


async def test_hosts_lead_to_apps_aliases_and_revisions() -> None:
    first, second = revision(function("/a"), number=1), revision(function("/a"), number=2)
    blog = revision(function("/a", app=AppId("blog")), app=AppId("blog"), hosts=["blog.example"])
    async with (
        opened(first, second, blog) as world,
        httpx.AsyncClient(base_url=world.url) as client,
    ):
        canary = Alias(app=first.app, name="canary", weights={first.id: 100})
        await world.registry.set_alias(canary)
        for host, expected in (
            ("shop.localhost:8080", second),
            ("SHOP.localhost.", second),
            ("r1--shop.localhost", first),
            ("canary--shop.localhost", first),
            ("blog.localhost", blog),
            ("blog.example", blog),
            ("anything.else", second),
            ("[::1]:8080", second),
        ):
            assert (await client.get("/a", headers={"host": host})).status_code == 200, host
            assert world.invoker.calls[-1].invocation.revision == expected.id, host
        for host in ("nosuch.localhost", "r9--shop.localhost", "nosuch--shop.localhost"):
            assert (await client.get("/a", headers={"host": host})).status_code == 404, host
        await world.registry.set_alias(
            Alias(app=first.app, name="live", weights={first.id: 50, second.id: 50})
        )
        for _ in range(100):
            await client.get("/a", headers={"host": "shop.localhost"})
        seen = [call.invocation.revision for call in world.invoker.calls[-100:]]
        assert 10 < seen.count(first.id) < 90
        await world.registry.remove_app(blog.app)
        assert (await client.get("/a", headers={"host": "blog.localhost"})).status_code == 404


async def inside(scope: Any, receive: Any, send: Any) -> None:
    """An internal app: echoes, streams or fails."""
    start = {"type": "http.response.start", "status": 200, "headers": [(b"X-In", b"1")]}
    if scope["path"] == "/_/fail":
        raise RuntimeError("a bug")
    if scope["path"] == "/_/stream":
        await send(start)
        for _ in range(300):
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    await send(start)
    await send({"type": "http.response.body", "body": scope["query_string"] + b"|" + body})


async def test_the_internal_app_answers_on_the_bare_host_only() -> None:
    async with opened(APP, internal=inside) as world:
        async with httpx.AsyncClient(base_url=world.url) as client:
            small = await client.post("/_/echo?q=1", content=b"hi")
            assert (small.text, small.headers["x-in"]) == ("q=1|hi", "1")
            big = b"y" * 3_000_000
            assert (await client.post("/_/echo", content=big)).content == b"|" + big
            assert (await client.get("/_/stream")).content == b"x" * 3_000_000
            named = await client.get("/_/echo", headers={"host": "shop.localhost"})
            assert named.status_code == 404
            failed = await client.get("/_/fail")
            assert failed.status_code == 500
            assert "bug" not in failed.text
        assert world.gateway.stats().task_failures == 1


async def test_the_internal_app_hears_that_the_client_has_gone() -> None:
    started, ended = asyncio.Event(), asyncio.Event()
    heard: list[str] = []

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        started.set()
        heard.append((await receive())["type"])
        ended.set()

    async with opened(APP, internal=waiting) as world, asyncio.timeout(10):
        async with await world.connect() as raw:
            raw.send(b"GET /_/wait HTTP/1.1\r\nHost: a\r\n\r\n")
            await started.wait()
        await ended.wait()
    assert heard == ["http.disconnect"]


async def test_pages_of_other_origins() -> None:
    cors = {
        "origins": ["https://shop.example"],
        "credentials": True,
        "expose": ["x-mine"],
        "max_age": 60,
    }
    app = revision(function("/a", "GET", "PUT"), settings={"cors": cors})
    async with opened(app) as world, httpx.AsyncClient(base_url=world.url) as client:
        asked = {
            "origin": "https://shop.example",
            "access-control-request-method": "PUT",
            "access-control-request-headers": "x-a",
        }
        preflight = await client.options("/a", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
        assert "PUT" in preflight.headers["access-control-allow-methods"]
        assert preflight.headers["access-control-allow-headers"] == "x-a"
        assert preflight.headers["access-control-max-age"] == "60"
        assert not world.invoker.calls
        answer = await client.get("/a", headers={"origin": "https://shop.example"})
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["access-control-expose-headers"] == "x-mine"
        missing = await client.delete("/a", headers={"origin": "https://shop.example"})
        assert missing.status_code == 405
        assert "access-control-allow-origin" in missing.headers
        stranger = await client.get("/a", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers
        assert stranger.headers["vary"] == "origin"


async def test_a_file_descriptor_is_not_left_open(public: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with (
        opened(APP, public=public) as world,
        httpx.AsyncClient(base_url=world.url) as client,
    ):
        for _ in range(20):
            await client.get("/big.bin")
    assert len(os.listdir("/proc/self/fd")) <= before + 2
