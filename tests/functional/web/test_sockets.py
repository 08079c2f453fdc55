"""WebSockets of services, with a real client."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tapwater_server.web.callers import LOOK_AGAIN_S
from tests.functional.gateway.world import World
from tests.functional.waiting import wait_until
from tests.functional.web.toys import Toys, toy_world

ADA = [Subprotocol("tapwater"), Subprotocol("tapwater.bearer.ada")]
WRONG = [Subprotocol("tapwater"), Subprotocol("tapwater.bearer.eve")]


def url(world: World, path: str) -> str:
    return f"ws://127.0.0.1:{world.port}{path}"


@pytest.mark.parametrize("root", ["/_/v1", "/_/api/v1/apps/shop"])
async def test_a_token_comes_as_a_subprotocol(root: str) -> None:
    toys = Toys()
    async with toy_world(toys) as world:
        async with connect(url(world, f"{root}/toys/mine"), subprotocols=ADA) as ws:
            assert ws.subprotocol == "tapwater"
            assert await ws.recv() == "shop ada"
            for text in ("hello", "ü" * 50_000):
                await ws.send(text)
                assert await ws.recv() == text
        async with asyncio.timeout(10):
            await toys.ended.wait()
        await wait_until(lambda: world.gateway.stats().websockets == 0)


async def test_a_token_that_ends_ends_the_conversation() -> None:
    toys = Toys()
    async with (
        toy_world(toys) as world,
        connect(url(world, "/_/v1/toys/mine"), subprotocols=ADA) as ws,
    ):
        assert await ws.recv() == "shop ada"
        toys.users.forgotten = True
        await ws.send("still")
        assert await ws.recv() == "still"  # Looked at now and then, not each time.
        await toys.clock.advance(LOOK_AGAIN_S)
        await ws.send("now")
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


async def test_a_header_does_as_well() -> None:
    async with toy_world(Toys()) as world:
        headers = {"authorization": "Bearer ada"}
        async with connect(url(world, "/_/v1/toys/mine"), additional_headers=headers) as ws:
            assert ws.subprotocol is None
            assert await ws.recv() == "shop ada"


@pytest.mark.parametrize(
    ("path", "offered", "status"),
    [
        ("/_/v1/toys/mine", None, 401),
        ("/_/v1/toys/mine", WRONG, 401),
        ("/_/v1/toys/echo", WRONG, 401),
        ("/_/v1/toys/nothing", None, 404),
        ("/_/api/v1/apps/ghost/toys/echo", None, 404),
        ("/_/api/v1/apps", None, 404),
        ("/_/api/v1/apps/blog/toys/mine", ADA, 401),
    ],
)
async def test_who_may_not_is_told_in_http(
    path: str, offered: list[Subprotocol] | None, status: int
) -> None:
    async with toy_world(Toys()) as world:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url(world, path), subprotocols=offered):
                pass
        assert refused.value.response.status_code == status
        assert b'"code"' in (refused.value.response.body or b"")


async def test_only_text_is_understood() -> None:
    async with toy_world(Toys()) as world, connect(url(world, "/_/v1/toys/echo")) as ws:
        assert await ws.recv() == "shop nobody"
        await ws.send(b"\x00")
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1003


async def test_a_slow_listener_is_waited_for() -> None:
    toys = Toys()
    async with toy_world(toys) as world:
        async with connect(url(world, "/_/v1/toys/shout"), max_queue=1, compression=None) as ws:
            await ws.recv()
            before = -1
            async with asyncio.timeout(20):
                while before != toys.sent:
                    before = toys.sent
                    async with connect(url(world, "/_/v1/toys/echo")) as other:
                        await other.recv()
            assert toys.sent < 64 << 20
            ws.transport.abort()
        await wait_until(lambda: world.gateway.stats().websockets == 0)


async def test_a_stopping_server_closes_them() -> None:
    async with toy_world(Toys()) as world, connect(url(world, "/_/v1/toys/echo")) as ws:
        await ws.recv()
        await world.gateway.stop()
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
