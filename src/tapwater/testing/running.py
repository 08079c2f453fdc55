"""Run a program as the guest would, with a test at the other end of the line."""

import asyncio
import json as _json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater.headers import Headers
from tapwater.runtime import asgi, wire, wsgi
from tapwater.runtime.answers import Whole
from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.invoke_view import InvokeView
from tapwater.runtime.program import Program
from tapwater.runtime.serving import choose, send_whole, serve_call
from tapwater.runtime.serving_async import serve_async

_CREDIT = 1 << 60

Answerer = Callable[..., Any]


class FunctionRaised(Exception):
    """The handler let an exception out: on the platform, a 500. The trace is in the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the function answered."""

    status: int
    headers: Headers
    body: bytes
    pieces: tuple[bytes, ...] = field(default=())  # how a streamed answer came

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return _json.loads(self.body)


class Bench:
    """A link whose other end is this test: it takes everything and answers what is asked."""

    writable = True

    def __init__(self, calls: Mapping[str, Answerer], secrets: Mapping[str, str]) -> None:
        self._calls, self._secrets = calls, secrets
        self._decoder = wire.Decoder()
        self.frames: list[wire.Frame] = []
        self.call: Call | None = None

    def send(self, frame: bytes) -> None:
        for one in self._decoder.feed(frame):
            if one.kind == wire.Kind.ASK:
                self._answer(*wire.read_ask(one.payload))
            else:
                self.frames.append(one)

    def _answer(self, ask: int, name: str, raw: bytes) -> None:
        assert self.call is not None
        try:
            answer, fine = self._find(name, _json.loads(raw)), True
        except LookupError as error:
            answer, fine = {"message": str(error)}, False
        packed = wire.pack_answer(1, ask, _json.dumps(answer).encode(), fine=fine)
        self.call.take(wire.Kind.ANSWER, packed[wire.HEAD_SIZE :])

    def _find(self, name: str, body: Any) -> Any:
        if name == "secret" and body["name"] in self._secrets:
            return {"value": self._secrets[body["name"]]}
        if name == "call" and body["function"] in self._calls:
            value = self._calls[body["function"]](body["data"])
            return {"ending": "ok", "status": 200, "body": value}
        wanted = body.get("function") or body.get("name")
        raise LookupError(f"the test gives no {name} for {wanted}")

    def wait(self, call: Call, until: Callable[[], bool]) -> None:
        if not until():
            raise CallerGone("nothing more comes in this test")

    async def wait_async(self, call: Call, until: Callable[[], bool]) -> None:
        self.wait(call, until)

    def blocks_others(self) -> bool:
        return False

    def pump(self, until: Callable[[], bool]) -> None:
        raise CallerGone("nothing more comes in this test")

    def look(self) -> None:
        """Nothing comes by itself."""

    def hold_reading(self, *, hold: bool) -> None:
        """Nothing comes by itself."""


def run_program(program: Program, invoke: wire.Invoke, bench: Bench) -> Result:
    payload = wire.pack_invoke(1, invoke)[wire.HEAD_SIZE :]
    one = bench.call = Call(1, InvokeView(payload), bench, 0.0)
    one.credit = _CREDIT
    one.deadline = None
    if program.style == "asgi":
        asyncio.run(_run_asgi(program, one))
    elif program.style == "wsgi":
        wsgi.serve_wsgi(program, one)
    else:
        _run_handler(program, one)
    return _result(bench.frames)


def _run_handler(program: Program, one: Call) -> None:
    handler = choose(program, one)
    if isinstance(handler, Whole):
        send_whole(one, handler)
    elif handler.is_async:
        asyncio.run(serve_async(handler, one))
    else:
        serve_call(program, one)


async def _run_asgi(program: Program, one: Call) -> None:
    app = asgi.App(program)
    await app.startup()
    await app.http(one)
    await app.shutdown()


def _result(frames: list[wire.Frame]) -> Result:
    status, headers, parts = 0, wire.Headers(), list[bytes]()
    for kind, _number, payload in frames:
        if kind == wire.Kind.RESULT:
            status, _, headers, first = wire.read_result(payload)
            if first:
                parts.append(first)
        elif kind == wire.Kind.BODY:
            data, _ = wire.read_body(payload)
            if data:
                parts.append(data)
        elif kind == wire.Kind.FAIL:
            failure = _json.loads(payload)
            raise FunctionRaised(f"{failure['message']}\n{failure['trace']}")
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return Result(status=status, headers=Headers(pairs), body=b"".join(parts), pieces=tuple(parts))
