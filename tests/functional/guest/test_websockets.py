"""WebSockets of a handler and of an ASGI app."""

import contextlib

import pytest

from tapwater.runtime import wire
from tests.functional.guest.conftest import MakeHost
from tests.functional.guest.host import Host

_ECHO = """
    async def websocket(ws):
        async for message in ws:
            await ws.send(message)
        print("gone")
"""


def _open(host: Host, **more: object) -> int:
    return host.start(verb=wire.Verb.WEBSOCKET, **more)  # type: ignore[arg-type]


def _wait_messages(host: Host, number: int, count: int) -> list[str | bytes]:
    told = host.told[number]
    while len(told.messages) < count:
        assert not told.ended, told
        host.step()
    return told.messages


def test_messages_go_both_ways_until_the_peer_closes(make_host: MakeHost) -> None:
    host = make_host(_ECHO)
    number = _open(host)
    host.send(wire.pack_message(number, "hé") + wire.pack_message(number, b"\0\xff"))
    assert _wait_messages(host, number, 2) == ["hé", b"\0\xff"]
    host.cancel(number, "1001 going away")
    told = host.wait_end(number)
    assert told.status == 101
    assert told.failure is None
    assert told.code is not None
    assert (2, "gone") in told.logs


def test_messages_larger_than_the_window_pass(make_host: MakeHost) -> None:
    host = make_host(_ECHO)
    number = _open(host)
    large = "x" * (900 << 10)
    for round_ in range(1, 6):
        host.send(wire.pack_message(number, large))
        assert _wait_messages(host, number, round_)[-1] == large
    host.cancel(number)
    assert host.wait_end(number).failure is None


def test_handler_is_bound_and_may_refuse(make_host: MakeHost) -> None:
    host = make_host(
        """
        from tapwater import Problem, WebSocket
        async def websocket(ws: WebSocket, token: str, room: int = 1):
            if token != "sesame":
                raise Problem(403, "not you")
            ws.accept(subprotocol="chat")
            await ws.send_json({"room": room, "path": ws.request.path})
        """
    )
    assert host.wait_end(_open(host, query="token=x")).status == 403
    assert host.wait_end(_open(host)).status == 422
    told = host.wait_end(_open(host, query="token=sesame&room=7", path="/rooms"))
    assert told.headers == {"sec-websocket-protocol": "chat"}
    assert told.messages == ['{"room": 7, "path": "/rooms"}']
    assert told.code == 1000


def test_handler_that_never_accepts_refuses(make_host: MakeHost) -> None:
    host = make_host("async def websocket(ws):\n    pass\n")
    assert host.wait_end(_open(host)).status == 403


def test_exception_fails_the_call(make_host: MakeHost) -> None:
    host = make_host("async def websocket(ws):\n    ws.accept()\n    1 / 0\n")
    failure = host.wait_end(_open(host)).failure
    assert failure is not None
    assert "ZeroDivisionError" in failure["message"]


def test_close_has_its_code(make_host: MakeHost) -> None:
    host = make_host("async def websocket(ws):\n    await ws.send('a')\n    ws.close(4001)\n")
    assert host.wait_end(_open(host)).code == 4001


@pytest.mark.parametrize("app", ["fastapi", "starlette"])
def test_asgi_app_talks(make_host: MakeHost, app: str) -> None:
    if app == "fastapi":
        source = """
            from fastapi import FastAPI, WebSocket
            app = FastAPI()

            @app.websocket("/rooms/{id}")
            async def room(ws: WebSocket, id: int):
                await ws.accept(subprotocol=ws.scope["subprotocols"][0])
                while True:
                    await ws.send_text(f"{id}: {await ws.receive_text()}")
            """
    else:
        source = """
            from starlette.applications import Starlette
            from starlette.routing import WebSocketRoute

            async def room(ws):
                await ws.accept(subprotocol="chat")
                async for text in ws.iter_text():
                    await ws.send_text(f"7: {text}")

            app = Starlette(routes=[WebSocketRoute("/rooms/{id}", room)])
            """
    host = make_host(source)
    number = _open(
        host,
        path="/rooms/7",
        root_path="/users-api/one",
        headers={"sec-websocket-protocol": "chat, x"},
    )
    host.send(wire.pack_message(number, "hello"))
    assert _wait_messages(host, number, 1) == ["7: hello"]
    host.cancel(number, "1001")
    told = host.wait_end(number)
    assert (told.status, told.failure) == (101, None)
    assert told.headers["sec-websocket-protocol"] == "chat"


def test_asgi_app_without_that_path_refuses(make_host: MakeHost) -> None:
    host = make_host("from fastapi import FastAPI\napp = FastAPI()\n")
    assert host.wait_end(_open(host, path="/nowhere")).status == 403


def test_plain_request_for_a_websocket_is_told_to_upgrade(make_host: MakeHost) -> None:
    told = make_host(_ECHO).call()
    assert (told.status, told.headers["upgrade"]) == (426, "websocket")


def test_peer_that_floods_is_held_back(make_host: MakeHost) -> None:
    host = make_host(
        """
        import asyncio

        async def websocket(ws):
            ws.accept()
            await asyncio.Event().wait()
        """
    )
    number = _open(host)
    host.sock.settimeout(0.3)
    sent = 0
    message = wire.pack_message(number, b"x" * (64 << 10))
    with contextlib.suppress(TimeoutError):
        while sent < 32 << 20:
            host.send(message)
            sent += len(message)
    assert (1 << 20) < sent < (4 << 20)
