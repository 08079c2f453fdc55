"""Call one handler as the guest would, without a process."""

import json as _json
from collections.abc import Callable, Mapping, Set
from typing import Any

from tapwater.runtime import wire
from tapwater.runtime.binding import compile_plan
from tapwater.runtime.context import Identity
from tapwater.runtime.program import Handler, Program, is_async
from tapwater.testing import Bench, Result, run_program


def answer(
    handler: Callable[..., Any],
    *,
    method: str = "GET",
    query: str | bytes = "",
    body: bytes = b"",
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    user: Mapping[str, Any] | None = None,
    path_names: Set[str] = frozenset(),
    reactive: bool = False,
) -> Result:
    """Bind, call, answer."""
    identity = Identity(app="shop", function="users/one")
    plan = compile_plan(
        handler,
        path_names=frozenset(path_names),
        identity=identity,
        is_async=is_async(handler),
        reactive=reactive,
    )
    made = Handler(function=handler, plan=plan, is_async=is_async(handler))
    program = Program(style="verbs", identity=identity, handlers={"": made})
    invoke = wire.Invoke(
        verb=wire.Verb.HTTP,
        more=False,
        timeout_s=0.0,
        depth=0,
        id=b"test",
        method=method.encode(),
        path=b"/",
        root_path=b"",
        query=query if isinstance(query, bytes) else query.encode(),
        scheme=b"http",
        client=b"",
        params=_json.dumps(dict(params)).encode() if params else b"",
        user=_json.dumps(dict(user)).encode() if user else b"",
        trace=b"",
        headers=[
            (name.encode(), value.encode("utf-8", "surrogateescape"))
            for name, value in (headers or {}).items()
        ],
        body=_json.dumps(json).encode() if json is not None else body,
    )
    return run_program(program, invoke, Bench({}, {}))
