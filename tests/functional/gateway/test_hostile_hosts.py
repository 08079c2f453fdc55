"""Apps that claim names which are not theirs: whoever sends a token there must reach the API."""

import httpx
import pytest

from tapwater_server.model.ids import AppId
from tests.functional.gateway.world import function, opened, revision

EVIL = AppId("evil")
CLAIMED = ("127.0.0.1", "localhost", "shop.localhost", "[::1]", "evil.example")
APP = revision(function("/hello"))
THIEF = revision(function("/{...rest}", app=EVIL), app=EVIL, hosts=CLAIMED)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST.", "[::1]:80"])
@pytest.mark.parametrize("path", ["/_/api/v1/apps", "/%5f/api/v1/apps", "/_%2Fapi"])
async def test_the_control_api_stays_where_it_is(host: str, path: str) -> None:
    async with opened(APP, THIEF) as world, httpx.AsyncClient(base_url=world.url) as client:
        answer = await client.get(path, headers={"host": host, "authorization": "Bearer secret"})
        assert answer.text == "inside"
        assert world.invoker.calls == []


async def test_another_app_s_name_is_not_to_be_had_either() -> None:
    async with opened(APP, THIEF) as world, httpx.AsyncClient(base_url=world.url) as client:
        for host in ("shop.localhost", "r1--shop.localhost", "localhost", "127.0.0.1"):
            await client.get("/hello", headers={"host": host})
            assert world.invoker.calls[-1].invocation.revision == APP.id, host
        await client.get("/hello", headers={"host": "evil.example"})
        assert world.invoker.calls[-1].invocation.revision == THIEF.id


@pytest.mark.parametrize(
    "path", ["//_/api", "/_;/api", "/_", "/x/..%2f_/api", "/_\\api", "/_/../x"]
)
async def test_paths_that_only_look_like_the_api_are_not_it(path: str) -> None:
    async with opened(APP) as world:
        request = b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path.encode()
        assert b"inside" not in await world.ask(request)


@pytest.mark.parametrize("host", ["r1--shop.localhost", "live--shop.localhost", "shop.localhost"])
async def test_no_app_s_host_leads_to_the_api(host: str) -> None:
    async with opened(APP) as world, httpx.AsyncClient(base_url=world.url) as client:
        answer = await client.get("/_/api/v1/apps", headers={"host": host})
        assert answer.status_code == 404


async def test_pages_of_other_origins_may_not_use_the_api() -> None:
    shared = revision(function("/hello"), settings={"cors": True})
    async with opened(shared) as world, httpx.AsyncClient(base_url=world.url) as client:
        for method in ("GET", "OPTIONS"):
            headers = {"origin": "https://evil.example", "access-control-request-method": "GET"}
            answer = await client.request(method, "/_/api/v1/apps", headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_claimed_host_is_not_asked_for_the_api_either() -> None:
    """A command that was pointed there would send it a token."""
    async with opened(APP, THIEF) as world, httpx.AsyncClient(base_url=world.url) as client:
        for path in ("/_/api/v1/apps", "/%5f/health", "/_%2Fapi", "/_/"):
            answer = await client.get(path, headers={"host": "evil.example"})
            assert answer.status_code == 404, path
        assert world.invoker.calls == []


async def test_a_token_that_the_door_has_checked_is_not_the_function_s() -> None:
    """An admin who calls somebody's function must not hand it the token of everything."""
    guarded = revision(function("/hello", auth="token"), function("/open"))
    async with opened(guarded) as world, httpx.AsyncClient(base_url=world.url) as client:
        token = await world.tokens.issue("admin", admin=True, apps=[])
        headers = {"authorization": f"Bearer {token}", "x-kept": "1"}
        for path, kept in (("/hello", False), ("/open", True)):
            assert (await client.get(path, headers=headers)).status_code == 200
            seen = dict(world.invoker.calls[-1].invocation.headers)
            assert (b"authorization" in seen) is kept
            assert seen[b"x-kept"] == b"1"
