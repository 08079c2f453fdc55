"""WebSockets with a real client, and with frames no client would send."""

import asyncio
import zlib

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tapwater_server.gateway.settings import DoorLimits, GatewaySettings
from tapwater_server.model.invocation import Ending, Verb
from tapwater_server.testing.invoker import ScriptedCall, forever, hello
from tests.functional.gateway.world import Raw, World, function, opened, revision

APP = revision(function("/chat", "GET", websocket=True), function("/plain", "GET"))
ASK = (
    b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


V1 = [Subprotocol("v1")]


def chat(call: ScriptedCall) -> None:
    def said(call: ScriptedCall, message: str | bytes) -> None:
        if message == "bye":
            call.end(Ending.OK, status=4001)
        else:
            call.say(message)

    call.when_message = said
    call.begin(101, [(b"sec-websocket-protocol", b"v1"), (b"x-mine", b"1")])


def _url(world: World, path: str = "/chat") -> str:
    return f"ws://127.0.0.1:{world.port}{path}"


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_messages_go_both_ways(compression: str | None) -> None:
    async with opened(APP, script=chat) as world:
        async with connect(_url(world), compression=compression, subprotocols=V1) as ws:
            assert ws.subprotocol == "v1"
            assert ws.response is not None
            assert ws.response.headers["x-mine"] == "1"
            assert (ws.response.headers.get("sec-websocket-extensions") is None) == (
                compression is None
            )
            for message in ("hello", b"\x00\xff", "ü" * 50_000, b"x" * 500_000, ""):
                await ws.send(message)
                assert await ws.recv() == message
            await ws.send(["in ", "frag", "ments"])
            assert await ws.recv() == "in fragments"
            await ws.ping()
            assert world.gateway.stats().websockets == 1
            await ws.send("bye")
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4001
        call = world.invoker.calls[0]
        assert call.invocation.verb is Verb.WEBSOCKET
        assert world.gateway.stats().websockets == 0


async def test_a_client_that_closes_tells_the_function_its_code() -> None:
    async with opened(APP, script=chat) as world:
        async with connect(_url(world), subprotocols=V1) as ws:
            await ws.close(4002, "enough")
        assert world.invoker.calls[0].cancelled == "4002 enough"


async def test_a_function_may_refuse_in_plain_http() -> None:
    def script(call: ScriptedCall) -> None:
        call.answer(403, [], b"not you")

    async with opened(APP, script=script) as world:
        with pytest.raises(InvalidStatus) as refused:
            await connect(_url(world))
        assert refused.value.response.status_code == 403
        assert refused.value.response.body == b"not you"


async def test_a_function_that_fails_before_and_after_accepting() -> None:
    def before(call: ScriptedCall) -> None:
        call.end(Ending.USER_ERROR)

    def after(call: ScriptedCall) -> None:
        call.begin(101)
        call.end(Ending.CRASHED)

    async with opened(APP, script=before) as world:
        with pytest.raises(InvalidStatus) as refused:
            await connect(_url(world))
        assert refused.value.response.status_code == 500
        world.invoker.script = after
        async with connect(_url(world)) as ws:
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011


async def test_improper_openings_are_refused() -> None:
    async with opened(APP, script=chat) as world:
        old = ASK.replace(b"Version: 13", b"Version: 8") + b"\r\n"
        said = await world.ask(old.replace(b"keep-alive, ", b"close, "))
        assert said.startswith(b"HTTP/1.1 426 ")
        assert b"sec-websocket-version: 13" in said
        short = ASK.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhl") + b"\r\n"
        async with await world.connect() as raw:
            raw.send(short)
            assert (await raw.head()).startswith(b"HTTP/1.1 400 ")
        world.invoker.script = hello
        async with httpx.AsyncClient(base_url=world.url) as client:
            asked = {"connection": "upgrade", "upgrade": "websocket"}
            assert (await client.get("/plain", headers=asked)).text == "hello"


async def _opened(world: World, *, extra: bytes = b"") -> Raw:
    raw = await world.connect()
    raw.send(ASK + extra + b"\r\n")
    head = await raw.head()
    assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    return raw


def _frame(first: int, payload: bytes, *, masked: bool = True) -> bytes:
    size = len(payload)
    mark = 0x80 if masked else 0
    length = bytes([mark | size]) if size < 126 else bytes([mark | 126]) + size.to_bytes(2, "big")
    return bytes([first]) + length + (b"\0\0\0\0" if masked else b"") + payload


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (_frame(0x81, b"hi", masked=False), 1002),
        (_frame(0x83, b"hi"), 1002),
        (_frame(0xC1, b"hi"), 1002),
        (_frame(0x80, b"hi"), 1002),
        (_frame(0x09, b"unfinished ping"), 1002),
        (_frame(0x89, b"x" * 126), 1002),
        (_frame(0x81, b"\xff\xff"), 1007),
        (_frame(0x88, b"\x03"), 1002),
        (_frame(0x88, (1006).to_bytes(2, "big")), 1002),
        (_frame(0x01, b"x" * 60_000) + _frame(0x00, b"x" * 60_000) * 20, 1009),
    ],
)
async def test_broken_frames_close_with_the_right_code(frames: bytes, code: int) -> None:
    async with opened(APP, script=chat) as world, await _opened(world) as raw:
        raw.send(frames)
        said = await raw.read(4)  # It lingers a while for what we may still have to say.
        assert said[0] == 0x88
        assert int.from_bytes(said[2:4], "big") == code
        assert world.invoker.calls[0].cancelled is not None


async def test_a_message_that_inflates_beyond_the_ceiling_is_cut_off() -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeeze.compress(b"\0" * 50_000_000) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    async with opened(APP, script=chat) as world:
        raw = await _opened(world, extra=b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
        async with raw:
            raw.send(_frame(0xC2, bomb[:60_000]))
            said = await raw.read(4)
            assert said[0] == 0x88
            assert int.from_bytes(said[2:4], "big") == 1009


async def test_a_dead_peer_is_noticed() -> None:
    limits = DoorLimits(ping_s=0.05, pong_wait_s_max=0.05, sweep_s=0.02)
    settings = GatewaySettings(port=0, limits=limits)
    async with opened(APP, script=chat, settings=settings) as world, await _opened(world) as raw:
        try:
            said = await raw.rest()
        except ConnectionResetError:
            said = b"\x89\x00"
        assert said == b"\x89\x00"
        assert "does not answer" in (world.invoker.calls[0].cancelled or "")


async def test_a_stopping_server_closes_with_1012() -> None:
    async with opened(APP, script=chat) as world, connect(_url(world), subprotocols=V1) as ws:
        stopping = asyncio.get_running_loop().create_task(world.gateway.stop())
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        await stopping


async def test_a_socket_lost_while_the_function_decides_cancels_the_call() -> None:
    async with opened(APP, script=forever) as world:
        async with await world.connect() as raw:
            raw.send(ASK + b"\r\n")
            await world.invoker.wait(lambda: world.invoker.calls)
        await world.invoker.wait(lambda: world.invoker.calls[0].cancelled)
