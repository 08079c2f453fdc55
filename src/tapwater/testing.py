"""Call a function's file as the platform would, without a platform: for unit tests.

    result = call("users/restful/register.py", "POST", json={"email": "a@b.c"})
    assert result.status == 200

The same code binds the arguments and makes the answer as on the platform.
"""

import asyncio
import importlib
import json as _json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from tapwater.headers import Headers
from tapwater.runtime import asgi, wire, wsgi
from tapwater.runtime.answers import Whole
from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.context import Identity
from tapwater.runtime.discovery import discover
from tapwater.runtime.invoke_view import InvokeView
from tapwater.runtime.loading import LoadError, load_here, path_names
from tapwater.runtime.program import Program
from tapwater.runtime.serving import choose, send_whole, serve_call
from tapwater.runtime.serving_async import serve_async

_CREDIT = 1 << 60

Module = str | os.PathLike[str] | ModuleType
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


def call(
    module: Module,
    method: str = "GET",
    path: str = "/",
    *,
    json: Any = None,
    body: bytes = b"",
    query: Mapping[str, Any] | str = "",
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    user: Mapping[str, Any] | None = None,
    calls: Mapping[str, Answerer] | None = None,
    secrets: Mapping[str, str] | None = None,
    timeout_s: float = 30.0,
) -> Result:
    """Call a restful function. ``calls`` answers ``ctx.call``, ``secrets`` ``ctx.secret``.

    Raises:
        FunctionRaised: the handler let an exception out.
        LoadError: the module is no function.
    """
    sent = dict(headers or {})
    if json is not None:
        body = _json.dumps(json).encode()
        sent.setdefault("content-type", "application/json")
    path, _, in_path = path.partition("?")
    queried = query if isinstance(query, str) else urlencode(query, doseq=True)
    invoke = wire.Invoke(
        verb=wire.Verb.HTTP,
        more=False,
        timeout_s=timeout_s,
        depth=0,
        id=b"test",
        method=method.upper().encode(),
        path=path.encode(),
        root_path=b"",
        query=(queried or in_path).encode(),
        scheme=b"http",
        client=b"127.0.0.1",
        params=_json.dumps(dict(params)).encode() if params else b"",
        user=_json.dumps(dict(user)).encode() if user is not None else b"",
        trace=b"",
        headers=[(name.lower().encode(), value.encode()) for name, value in sent.items()],
        body=body,
    )
    return run_program(_program(module), invoke, Bench(calls or {}, secrets or {}))


def send_event(
    module: Module,
    data: Any = None,
    *,
    params: Mapping[str, str] | None = None,
    calls: Mapping[str, Answerer] | None = None,
    secrets: Mapping[str, str] | None = None,
    **attributes: str,
) -> Any:
    """Call a reactive function with an event; gives what it returned.

    Raises:
        FunctionRaised: the handler let an exception out.
    """
    event = {"specversion": "1.0", "id": "test", "data": data, "params": dict(params or {})}
    body = _json.dumps({**event, **attributes}).encode()
    invoke = wire.Invoke(
        verb=wire.Verb.EVENT,
        more=False,
        timeout_s=30.0,
        depth=0,
        id=b"test",
        method=b"POST",
        path=b"/",
        root_path=b"",
        query=b"",
        scheme=b"",
        client=b"",
        params=b"",
        user=b"",
        trace=b"",
        headers=[],
        body=body,
    )
    result = run_program(_program(module), invoke, Bench(calls or {}, secrets or {}))
    if result.headers.get("content-type", "").startswith("application/json"):
        return result.json()
    return result.text or None


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

    def look(self) -> None:
        """Nothing comes by itself."""

    def hold_reading(self, *, hold: bool) -> None:
        """Nothing comes by itself."""


def _program(module: Module) -> Program:
    if isinstance(module, ModuleType):
        file = getattr(module, "__file__", None) or f"{module.__name__}.py"
        return discover(
            module,
            file=file,
            identity=Identity(function=module.__name__),
            path_names=path_names(file),
            concurrency=1,
        )
    text = os.fspath(module)
    if not text.endswith(".py"):
        return _program(importlib.import_module(text))
    if not os.path.isfile(text):
        raise LoadError(f"there is no Python file {text}")
    return load_here({"code": ".", "module": text, "function": f":{text}"}).program


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
