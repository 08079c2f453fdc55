"""Bodies far larger than the platform's memory, both ways; events; conversations."""

import json
import socket
from collections.abc import Iterator
from hashlib import sha256
from http.client import HTTPResponse
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tapwater_server.model.limits import BODY_INLINE_BYTES_MAX
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

PIECE = 1 << 20
PIECES = 192
GROWTH_KIB_MAX = 48 << 10  # A quarter of what flows through.
FILES = {
    "flow/restful/up.py": (
        "from hashlib import sha256\n\nfrom tapwater import Stream, options\n\n"
        "options(body_max='1GB', memory='64MB')\n\n"
        "def post(body: Stream):\n    digest, size = sha256(), 0\n"
        "    for piece in body:\n        digest.update(piece)\n        size += len(piece)\n"
        "    return {'size': size, 'sha256': digest.hexdigest()}\n"
    ),
    "flow/restful/down.py": (
        "from tapwater import options\n\noptions(memory='64MB')\n\n"
        "def get(pieces: int):\n"
        "    for n in range(pieces):\n        yield bytes([n % 256]) * (1 << 20)\n"
    ),
    "flow/restful/endless.py": (
        "from tapwater import options\n\noptions(timeout='none')\n\n"
        "def get():\n"
        "    while True:\n        yield b'x' * (1 << 16)\n"
    ),
    "flow/restful/events.py": (
        "from tapwater import ServerSentEvent\n\n"
        "async def get(n: int):\n"
        "    for number in range(n):\n        yield {'number': number}\n"
        "    yield ServerSentEvent(event='done', data='bye', id='9')\n"
    ),
    "flow/restful/both.py": (
        "from tapwater import Stream\n\n"
        "def post(body: Stream):\n    for piece in body:\n        yield piece.upper()\n"
    ),
    "flow/restful/talk/[room].py": (
        "from tapwater import Problem, WebSocket\n\n"
        "async def websocket(ws: WebSocket, room: str, name: str = 'nobody'):\n"
        "    if room == 'closed':\n        raise Problem(403, 'Not today.')\n"
        "    await ws.send_json({'room': room, 'name': name})\n"
        "    async for message in ws:\n"
        "        if message == 'crash':\n            raise RuntimeError('as asked')\n"
        "        if message == 'close':\n            ws.close(4001)\n"
        "            return\n"
        "        await ws.send(message)\n"
    ),
}


@pytest.fixture(scope="module")
def flow(platform: Platform) -> Platform:
    platform.deploy(FILES, "flow")
    return platform


def peak_kib(platform: Platform) -> int:
    assert platform.process is not None
    status = Path(f"/proc/{platform.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def test_a_large_upload_flows_through_without_being_held(flow: Platform) -> None:
    digest = sha256()

    def parts() -> Iterator[bytes]:
        for n in range(PIECES):
            piece = bytes([n % 256]) * PIECE
            digest.update(piece)
            yield piece

    flow.http.post(f"{flow.url}/flow-api/up", content=b"warm")
    before = peak_kib(flow)
    answer = flow.http.post(f"{flow.url}/flow-api/up", content=parts())
    assert answer.json() == {"size": PIECES * PIECE, "sha256": digest.hexdigest()}
    assert peak_kib(flow) - before < GROWTH_KIB_MAX


def test_a_large_answer_flows_through_without_being_held(flow: Platform) -> None:
    flow.get("/flow-api/down?pieces=1")
    before = peak_kib(flow)
    size = 0
    with flow.http.stream("GET", f"{flow.url}/flow-api/down?pieces={PIECES}") as answer:
        for part in answer.iter_raw():
            size += len(part)
    assert size == PIECES * PIECE
    assert peak_kib(flow) - before < GROWTH_KIB_MAX


def test_a_client_that_does_not_read_stops_the_function_and_one_that_leaves_ends_it(
    flow: Platform,
) -> None:
    before = peak_kib(flow)
    with socket.create_connection(("127.0.0.1", flow.port)) as wire:
        wire.sendall(b"GET /flow-api/endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.recv(15) == b"HTTP/1.1 200 OK"
        # A generator without end, and nobody who reads: others are served as ever.
        for _ in range(20):
            assert flow.get("/flow-api/down?pieces=1").status_code == 200
        assert flow.running("flow/endless") == 1
    until(lambda: flow.running("flow/endless") == 0, "the function hears that nobody reads")
    [record] = flow.records(function="flow/endless")
    assert record["ending"] == "cancelled"
    assert peak_kib(flow) - before < GROWTH_KIB_MAX


def test_up_and_down_at_the_same_time(flow: Platform) -> None:
    """The answer begins while the request is still being sent."""
    large = b"a" * (BODY_INLINE_BYTES_MAX + 1)  # More than the door gathers before the call.
    head = b"POST /flow-api/both HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", flow.port)) as wire:
        wire.sendall(head + chunk(large))
        answer = HTTPResponse(wire)
        answer.begin()
        assert answer.read(len(large)) == large.upper()
        wire.sendall(chunk(b"end") + b"0\r\n\r\n")
        assert answer.read() == b"END"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_server_sent_events(flow: Platform) -> None:
    answer = flow.get("/flow-api/events?n=3")
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = answer.text.strip().split("\n\n")
    assert blocks[:3] == [f'data: {{"number":{n}}}' for n in range(3)]
    assert set(blocks[3].splitlines()) == {"event: done", "id: 9", "data: bye"}


def converse(platform: Platform, path: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{platform.port}/flow-api/talk/{path}", max_size=8 << 20)


def test_a_conversation(flow: Platform) -> None:
    with converse(flow, "hall?name=ada") as talk:
        assert json.loads(talk.recv(30)) == {"room": "hall", "name": "ada"}
        for message in ("hello", b"\x00\xff", "ü" * 100_000, ""):
            talk.send(message)
            assert talk.recv(30) == message
        talk.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            talk.recv(30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001
    until(lambda: flow.running("flow/talk/[room]") == 0, "the call ends with the conversation")


def test_a_conversation_that_breaks_says_so(flow: Platform) -> None:
    with converse(flow, "hall") as talk:
        talk.recv(30)
        talk.send("crash")
        with pytest.raises(ConnectionClosed) as closed:
            talk.recv(30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011
    lines = flow.logs(function="flow/talk/[room]", level="error")
    assert any("as asked" in line["text"] for line in lines)


@pytest.mark.parametrize(
    ("path", "status"), [("/flow-api/talk/closed", 403), ("/flow-api/up", 405)]
)
def test_a_conversation_that_is_not_wanted(flow: Platform, path: str, status: int) -> None:
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert flow.get(path, headers=headers).status_code == status
