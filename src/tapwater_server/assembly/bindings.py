"""What running functions may ask: other functions, their app's secrets and services."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from tapwater_server.assembly.service_asks import ServiceAsks
from tapwater_server.model.calling import choose_method, place, read_headers
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.function import Function, Kind
from tapwater_server.model.ids import InvocationId
from tapwater_server.model.invocation import Ending, Invocation, Outcome, Verb
from tapwater_server.model.trace import read_traceparent, span_of, trace_of
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker, run
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.secrets import Secrets
from tapwater_server.ports.tracing import Step, Tracer

_Asked = TypeVar("_Asked")
ANSWER_BYTES_MAX = 512 << 10  # As JSON, with everything escaped, it must still fit one frame.


class _CallAsked(msgspec.Struct):
    """The body of a "call": which function of the caller's app, and with what."""

    function: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    method: str | None = None
    path: str | None = None
    query: str = ""
    params: dict[str, str] = {}
    headers: dict[str, str] = {}
    span: str = ""  # traceparent of the caller's own step that this belongs to


class _SecretAsked(msgspec.Struct):
    name: str


class AppBindings:
    """The capabilities of a call: everything is looked up in the caller's own app."""

    def __init__(
        self,
        *,
        registry: Registry,
        secrets: Secrets,
        invoker: Callable[[], Invoker],
        services: ServiceAsks,
        tracer: Tracer,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._registry, self._secrets = registry, secrets
        self._invoker, self._clock, self._ids = invoker, clock, ids
        self._tracer = tracer
        self._answers: Mapping[str, Callable[[Invocation, bytes], Awaitable[bytes]]] = {
            "call": self._call,
            "secret": self._secret,
            "service": services.answer,
        }

    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
        answer = self._answers.get(name)
        if answer is None:
            raise NotFound(f"there is no binding called {name[:64]!r}")
        return await answer(caller, body)

    async def _secret(self, caller: Invocation, body: bytes) -> bytes:
        asked = _read(body, _SecretAsked)
        allowed = caller.function.secrets
        if allowed != ("*",) and asked.name not in allowed:
            raise NotFound(
                f"this function may not read a secret {asked.name[:64]!r}: "
                "name it in options(secrets=[...])"
            )
        values = self._secrets.values(caller.function.id.app, [asked.name])
        if asked.name not in values:
            raise NotFound(
                f"the app has no secret {asked.name[:64]!r}: set it with tapwater secrets set"
            )
        return msgspec.json.encode({"value": values[asked.name]})

    async def _call(self, caller: Invocation, body: bytes) -> bytes:
        asked = _read(body, _CallAsked)
        function = self._sibling(caller, asked.function)
        invocation = self._invocation(caller, function, asked)
        step = self._begin(caller, function, asked.span)
        invocation.traceparent = self._tracer.child(step.traceparent)
        invocation.parent = span_of(step.traceparent)
        outcome: Outcome | None = None
        try:
            outcome = await run(self._invoker(), invocation, body_bytes_max=ANSWER_BYTES_MAX)
        finally:
            fine = outcome is not None and outcome.ending is Ending.OK
            step.end(ok=fine, facts={"invocation": invocation.id})
        return msgspec.json.encode(_answer(outcome, invocation=invocation.id))

    def _begin(self, caller: Invocation, function: Function, span: str) -> Step:
        """The step of the caller that the called one hangs below."""
        parent = read_traceparent(span)
        if trace_of(parent) != trace_of(caller.traceparent):
            parent = b""
        app, name = function.id.app, f"call {function.id.name}"
        return self._tracer.begin(name, "call", app=app, parent=parent, caller=caller)

    def _sibling(self, caller: Invocation, name: str) -> Function:
        """Find the function in the caller's own revision: a chain runs one frozen deployment."""
        revision = self._registry.revision(caller.function.id.app, caller.revision)
        function = revision.function(name) if revision else None
        if function is None:
            raise NotFound(f"this app has no function {name[:200]!r}")
        return function

    def _invocation(self, caller: Invocation, function: Function, asked: _CallAsked) -> Invocation:
        data = bytes(asked.data)
        has_body = data != b"null"
        method = choose_method(function, asked.method, has_body=has_body)
        path, root_path, params = place(function, asked.path, asked.params)
        return Invocation(
            id=InvocationId(self._ids.fresh()),
            revision=caller.revision,
            function=function,
            verb=Verb.HTTP if function.kind is Kind.RESTFUL else Verb.EVENT,
            method=method,
            path=path,
            root_path=root_path,
            query=asked.query.encode(),
            params=params or None,
            headers=read_headers(asked.headers, body_kind="application/json" if has_body else None),
            body=data if has_body else b"",
            user=caller.user,
            client="function",
            arrived_at=self._clock.monotonic(),
            depth=caller.depth + 1,
            root=caller.root or caller.id,
        )


def _answer(outcome: Outcome, *, invocation: str) -> dict[str, Any]:
    """Say how a call ended; the body as JSON where it is JSON, else as text."""
    answer: dict[str, Any] = {
        "invocation": invocation,
        "ending": outcome.ending.value,
        "status": outcome.status,
        "body": _content(outcome),
    }
    if outcome.ending is not Ending.OK:
        answer["message"] = outcome.message
    return answer


def _content(outcome: Outcome) -> Any:
    kind = dict(outcome.headers).get(b"content-type", b"")
    if b"json" in kind:
        try:
            return msgspec.json.decode(outcome.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # It said JSON and is not: the caller gets the text.
    return outcome.body.decode("utf-8", "replace")


def _read(body: bytes, wanted: type[_Asked]) -> _Asked:
    try:
        return msgspec.json.decode(body, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"a question that cannot be read: {error}") from error
