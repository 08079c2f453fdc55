"""Where services answer, to whom, and what bodies, streams and pages of other origins get."""

import asyncio
from typing import Any

import httpx
import pytest

from tapwater_server.web.callers import LOOK_AGAIN_S
from tests.functional.gateway.world import SHOP, World
from tests.functional.waiting import wait_until
from tests.functional.web.toys import BIG_BYTES_MAX, Toys, toy_world

SHOW = "/toys/show/a"


async def ask(world: World, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=world.url) as client:
        return await client.request(method, path, **options)


@pytest.mark.parametrize(
    ("host", "path", "app"),
    [
        ("localhost", "/_/v1/toys/show/a", "shop"),
        ("127.0.0.1", "/_/v1/toys/show/a", "shop"),
        ("shop.localhost", "/_/v1/toys/show/a", "shop"),
        ("shop.example", "/_/v1/toys/show/a", "shop"),
        ("r1--shop.localhost", "/_/v1/toys/show/a", "shop"),
        ("blog.localhost", "/_/v1/toys/show/a", "blog"),
        ("localhost", "/_/api/v1/apps/shop/toys/show/a", "shop"),
        ("localhost", "/_/api/v1/apps/blog/toys/show/a", "blog"),
    ],
)
async def test_where_services_answer(host: str, path: str, app: str) -> None:
    async with toy_world(Toys()) as world:
        answer = await ask(world, f"{path}%2Fb?x=1&x=2", headers={"host": f"{host}:80"})
        said = answer.json()
        assert (said["app"], said["path"], said["query"]) == (app, "a/b", {"x": "2"})
        assert (said["who"], said["client"]) == ("nobody", "127.0.0.1")
        assert said["base_url"] == f"http://{host}:80"


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("shop.localhost", "/_/api/v1/apps/shop/toys/show/a"),
        ("shop.localhost", "/_/api/v1/apps/blog/toys/show/a"),
        ("shop.example", "/_/api/v1/apps/shop/toys/show/a"),
        ("shop.localhost", "/%5F/v1/toys/show/a"),
        ("shop.localhost", "/_/v1%2Ftoys/show/a"),
        ("shop.localhost", "/_/v1"),
        ("shop.localhost", "/_/v1x/toys/show/a"),
        ("shop.localhost", "/_/v1/nothing"),
        ("localhost", "/_/api/v1/apps/ghost/toys/show/a"),
    ],
)
async def test_where_they_do_not(host: str, path: str) -> None:
    async with toy_world(Toys()) as world:
        answer = await ask(world, path, headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("host", "path", "base"),
    [
        ("evil.example", "/_/v1", "https://shop.example"),
        ("6.6.6.6:8080", "/_/v1", "https://shop.example"),
        ("evil.example", "/_/api/v1/apps/shop", "https://shop.example"),
        ("shop.example:8443", "/_/v1", "http://shop.example:8443"),
        ("127.0.0.1:80", "/_/v1", "http://127.0.0.1:80"),
    ],
)
async def test_a_host_header_does_not_choose_where_links_lead(
    host: str, path: str, base: str
) -> None:
    async with toy_world(Toys()) as world:
        answer = await ask(world, f"{path}{SHOW}", headers={"host": host})
        assert answer.json()["base_url"] == base


async def test_everything_else_inside_stays_where_it_was() -> None:
    async with toy_world(Toys()) as world:
        for path in ("/_/api/v1/apps", "/_/api/v1/apps/shop/deploys", "/_/api/v1/apps/shop"):
            assert (await ask(world, path)).text == "inside"


async def test_who_asks() -> None:
    async with toy_world(Toys()) as world:
        mine = await world.tokens.issue("mine", admin=False, apps=[SHOP])

        async def status(path: str, token: str) -> tuple[int, str]:
            headers = {"authorization": f"Bearer {token}"}
            answer = await ask(world, path, headers=headers)
            return answer.status_code, answer.json().get("who", "")

        shop, blog = f"/_/api/v1/apps/shop{SHOW}", f"/_/api/v1/apps/blog{SHOW}"
        assert await status(shop, mine) == (200, "mine")
        assert await status(f"/_/v1{SHOW}", mine) == (200, "mine")
        assert await status(shop, "ada") == (200, "ada")
        assert await status(blog, mine) == (404, "")
        assert await status(blog, "ada") == (401, "")
        assert await status(shop, "tap_wrong") == (401, "")
        for token, code in (("ada", "not_allowed"), ("", "unauthenticated")):
            headers = {"authorization": f"Bearer {token}"} if token else {}
            refused = await ask(world, "/_/v1/toys/mine", headers=headers)
            assert refused.json()["code"] == code


async def test_a_large_body_streams_to_its_endpoints_ceiling() -> None:
    async def pieces(count: int) -> Any:
        for _ in range(count):
            yield bytes(1 << 20)

    async with toy_world(Toys()) as world:
        answer = await ask(world, "/_/v1/toys/big", method="PUT", content=pieces(40))
        assert answer.json() == {"size": 40 << 20}
        answer = await ask(world, "/_/v1/toys/small", method="PUT", content=pieces(9))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        headers = {"content-length": str(BIG_BYTES_MAX + 1)}
        raw = await world.connect()
        async with raw:
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            raw.send(f"PUT /_/v1/toys/big HTTP/1.1\r\nhost: a\r\n{head}\r\n".encode())
            assert b" 413 " in await raw.head()


async def test_a_stream_ends_when_its_client_goes() -> None:
    toys = Toys()
    async with toy_world(toys) as world, httpx.AsyncClient(base_url=world.url) as client:
        async with client.stream("GET", "/_/v1/toys/forever") as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["cache-control"] == "no-store"
            assert await anext(answer.aiter_lines()) == "data: first"
            assert not toys.ended.is_set()
        async with asyncio.timeout(10):
            await toys.ended.wait()


@pytest.mark.parametrize("line", ["GET /_/v1/toys/mine", "POST /_/v1/toys/sleep"])
async def test_what_only_reads_or_waits_ends_when_its_client_goes(line: str) -> None:
    toys = Toys()
    async with toy_world(toys) as world:
        token = await world.tokens.issue("mine", admin=False, apps=[SHOP])
        raw = await world.connect()
        async with raw:
            raw.send(
                b"%b HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\n\r\n"
                % (line.encode(), token.encode())
            )
            await wait_until(lambda: world.gateway.stats().in_flight == 1)
        async with asyncio.timeout(10):
            await toys.ended.wait()


async def test_head_ends_the_stream_it_does_not_read() -> None:
    toys = Toys()
    async with toy_world(toys) as world:
        answer = await ask(world, "/_/v1/toys/forever", method="HEAD")
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.content == b""
        assert toys.ended.is_set()


async def test_a_stream_ends_with_the_token_that_asked_for_it() -> None:
    toys = Toys()
    async with toy_world(toys) as world, httpx.AsyncClient(base_url=world.url) as client:
        headers = {"authorization": "Bearer ada"}
        async with client.stream("GET", "/_/v1/toys/tick", headers=headers) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == "data: tick"
            toys.users.forgotten = True
            await toys.clock.advance(LOOK_AGAIN_S)
            async with asyncio.timeout(10):
                rest = [line async for line in lines]
        assert len(rest) < 2 * LOOK_AGAIN_S + 3


async def test_a_slow_client_is_waited_for() -> None:
    toys = Toys()
    async with toy_world(toys) as world:
        raw = await world.connect()
        async with raw:
            raw.send(b"GET /_/v1/toys/flood HTTP/1.1\r\nhost: a\r\n\r\n")
            await raw.head()
            before = -1
            async with asyncio.timeout(20):
                while before != toys.sent:  # Until two looks far apart see the same.
                    before = toys.sent
                    await ask(world, f"/_/v1{SHOW}")
                    await ask(world, f"/_/v1{SHOW}")
            assert toys.sent < 64 << 20


async def test_pages_of_other_origins() -> None:
    cors = {"origins": ["https://page.example"], "credentials": True}
    preflight = {
        "access-control-request-method": "PUT",
        "access-control-request-headers": "authorization, content-type",
    }
    async with toy_world(Toys(), cors=cors) as world:
        path = "/_/v1/toys/small"
        page, other = {"origin": "https://page.example"}, {"origin": "https://other.example"}
        asked = await ask(world, path, method="OPTIONS", headers={**page, **preflight})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == "https://page.example"
        assert asked.headers["access-control-allow-headers"] == "authorization, content-type"
        assert "PUT" in asked.headers["access-control-allow-methods"]
        written = await ask(world, path, method="PUT", headers=page, content=b"x")
        assert written.headers["access-control-allow-origin"] == "https://page.example"
        assert "etag" in written.headers["access-control-expose-headers"]
        for method in ("OPTIONS", "PUT"):
            refused = await ask(world, path, method=method, headers={**other, **preflight})
            assert "access-control-allow-origin" not in refused.headers
        on_all = await ask(world, f"/_/api/v1/apps/shop{SHOW}", headers=page)
        assert "access-control-allow-origin" not in on_all.headers


async def test_without_settings_no_other_origin_is_let_in() -> None:
    async with toy_world(Toys()) as world:
        headers = {"origin": "https://page.example", "access-control-request-method": "PUT"}
        for method in ("OPTIONS", "GET"):
            answer = await ask(world, f"/_/v1{SHOW}", method=method, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_api_describes_itself() -> None:
    async with toy_world(Toys()) as world:
        described = (await ask(world, "/_/v1/openapi.json")).json()
        assert described["info"]["title"] == "Services of shop"
        assert "/toys/show/{path}" in described["paths"]
        page = await ask(world, "/_/v1/")
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        script = await ask(world, "/_/v1/tapwater.js")
        assert script.headers["content-type"].startswith("text/javascript")
        known = {"if-none-match": script.headers["etag"]}
        assert (await ask(world, "/_/v1/tapwater.js", headers=known)).status_code == 304
