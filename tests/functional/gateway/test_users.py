"""Functions that want a user: whom the door lets in, and what the function is told."""

import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.testing.identities import ListedIdentities
from tapwater_server.testing.invoker import ScriptedCall
from tests.functional.gateway.world import World, function, opened, revision

SHOP = AppId("shop")
ADA = Principal(
    name="ada@example.com",
    user="u1",
    user_app=SHOP,
    email="ada@example.com",
    email_verified=True,
    roles=frozenset({"editor"}),
    claims={"plan": "pro"},
)
BOSS = Principal(name="boss", user="u2", user_app=SHOP, roles=frozenset({"admin"}))
KNOWN = ListedIdentities({(SHOP, "ada"): ADA, (SHOP, "boss"): BOSS, (AppId("b"), "eve"): ADA})
APP = revision(
    function("/open"),
    function("/mine", auth="user"),
    function("/admin", auth="role:admin"),
    function("/namesake", auth="role:user"),
    function("/nameless", auth="role:"),
    function("/deploy", auth="token"),
    function("/odd", auth="whatever"),
    function("/chat", "GET", websocket=True, auth="user"),
)


async def status(world: World, path: str, token: str = "", scheme: str = "Bearer") -> int:
    headers = {"authorization": f"{scheme} {token}"} if token else {}
    async with httpx.AsyncClient(base_url=world.url) as client:
        return (await client.get(path, headers=headers)).status_code


async def test_who_may_call_what() -> None:
    async with opened(APP, identities=KNOWN) as world:
        platform = await world.tokens.issue("root", admin=True, apps=[])
        wanted = {
            "/open": {"": 200, "ada": 200, platform: 200, "wrong": 200},
            "/mine": {"": 401, "ada": 200, "boss": 200, "eve": 401, platform: 401, "wrong": 401},
            "/admin": {"": 401, "ada": 403, "boss": 200, platform: 401},
            "/namesake": {"": 401, "ada": 403, "boss": 403},
            "/nameless": {"": 401, "ada": 403, "boss": 403},
            "/deploy": {"": 401, "ada": 401, platform: 200},
            "/odd": {"": 403, "ada": 403, platform: 403},
        }
        for path, tokens in wanted.items():
            got = {token: await status(world, path, token) for token in tokens}
            assert got == tokens, path
        assert await status(world, "/mine", "ada", scheme="Basic") == 401
        assert await status(world, "/mine", "a" * 5000) == 401


async def test_the_function_is_told_who_and_not_with_what() -> None:
    async with opened(APP, identities=KNOWN) as world:
        assert await status(world, "/mine", "ada") == 200
        invocation = world.invoker.calls[-1].invocation
        assert json.loads(invocation.user) == {
            "id": "u1",
            "name": "ada@example.com",
            "email": "ada@example.com",
            "email_verified": True,
            "roles": ["editor"],
            "claims": {"plan": "pro"},
        }
        assert b"authorization" not in dict(invocation.headers)


def accepting(call: ScriptedCall) -> None:
    call.begin(101, [])


@pytest.mark.parametrize("own", [True, False])
async def test_a_browsers_websocket_offers_its_token(own: bool) -> None:
    offered = ["tapwater"] * own + ["v1", "tapwater.bearer.ada"]
    async with opened(APP, script=accepting, identities=KNOWN) as world:
        url = f"ws://127.0.0.1:{world.port}/chat"
        names = [Subprotocol(name) for name in offered]
        async with connect(url, subprotocols=names) as ws:
            assert ws.subprotocol == ("tapwater" if own else None)
        seen = dict(world.invoker.calls[-1].invocation.headers)
        assert b"ada" not in seen[b"sec-websocket-protocol"]
        assert json.loads(world.invoker.calls[-1].invocation.user)["id"] == "u1"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, subprotocols=[Subprotocol("tapwater.bearer.wrong")]):
                pass
        assert refused.value.response.status_code == 401
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"{url}?token=ada"):
                pass
        assert refused.value.response.status_code == 401
