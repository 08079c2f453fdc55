"""Call a function's file with a request or an event."""

import importlib
import json as _json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from tapwater.runtime import wire
from tapwater.runtime.context import Identity
from tapwater.runtime.discovery import discover
from tapwater.runtime.loading import LoadError, load_here, path_names
from tapwater.runtime.program import Program
from tapwater.services.ambient import use
from tapwater.services.transport import Transport
from tapwater.testing.running import Answerer, Bench, Result, run_program

Module = str | os.PathLike[str] | ModuleType


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
    services: Transport | None = None,
    timeout_s: float = 30.0,
) -> Result:
    """Call a restful function. ``calls`` answers ``ctx.call``, ``secrets`` ``ctx.secret``.

    ``services`` (see ``fake_services``) stands in for ``docs``, ``blobs`` and so on.

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
    with _ambient(services):
        return run_program(_program(module), invoke, Bench(calls or {}, secrets or {}))


def send_event(
    module: Module,
    data: Any = None,
    *,
    params: Mapping[str, str] | None = None,
    calls: Mapping[str, Answerer] | None = None,
    secrets: Mapping[str, str] | None = None,
    services: Transport | None = None,
    **attributes: str,
) -> Any:
    """Call a reactive function with an event; gives what it returned. The rest as for ``call``.

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
    with _ambient(services):
        result = run_program(_program(module), invoke, Bench(calls or {}, secrets or {}))
    if result.headers.get("content-type", "").startswith("application/json"):
        return result.json()
    return result.text or None


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


def _ambient(services: Transport | None) -> AbstractContextManager[object]:
    """Without services of its own a call keeps those it is in."""
    return nullcontext() if services is None else use(services)
