"""Calling a function by its name, now or in the background."""

import base64
from typing import Any

import msgspec

from tapwater_server.control.api.apps import deployed_app, find_revision
from tapwater_server.control.api.shapes import Accepted, Background, CallBody, Called
from tapwater_server.control.house import House
from tapwater_server.control.plan import LIVE
from tapwater_server.model.calling import choose_method, place, read_headers
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.function import Function, Kind, Revision
from tapwater_server.model.ids import AppId, InvocationId
from tapwater_server.model.invocation import Invocation, Outcome, Verb
from tapwater_server.model.trace import read_traceparent, span_of
from tapwater_server.ports.bus import Errand, function_line
from tapwater_server.ports.invoker import run
from tapwater_server.ports.tracing import Traces
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer

ANSWER_BYTES_MAX = 8 << 20


async def call(house: House, asked: Asked) -> Called | Answer:
    app = deployed_app(house, asked)
    body = await asked.body(CallBody)
    revision = choose_revision(house, app, body.revision)
    function = find_function(revision, asked.params["function"])
    data = read_data(body)
    if body.background:
        return Answer(
            await _publish(house, function, revision, body, data, asked=asked), status=202
        )
    invocation = build(house, revision, function, body, data)
    trace(house, invocation, asked)
    outcome = await run(house.invoker, invocation, body_bytes_max=ANSWER_BYTES_MAX)
    return called(invocation, outcome)


async def show_background(house: House, asked: Asked) -> Background:
    id = asked.params["id"]
    state = await house.bus.state(id)
    if state is None or not asked.who.may_deploy(AppId(state.app)):
        raise NotFound(f"there is no background call {id[:64]!r}")
    return Background(
        id=state.id,
        app=state.app,
        function=state.function,
        state=state.state,
        attempt=state.attempt,
        published_at=state.published_at,
        result=msgspec.json.decode(state.result) if state.result else None,
        reason=state.reason,
    )


def choose_revision(house: House, app: AppId, wanted: int | str | None) -> Revision:
    """Take the revision of that number, or one of the alias by its weights.

    Raises:
        NotFound: there is none.
    """
    if isinstance(wanted, int) or (isinstance(wanted, str) and wanted.lstrip("r").isdigit()):
        return find_revision(house, app, str(wanted))
    name = wanted or LIVE
    for alias in house.registry.aliases(app):
        if alias.name == name:
            revision = house.registry.revision(app, alias.choose(house.ids.chance()))
            if revision is not None:
                return revision
    raise NotFound(f"{app} has no alias {name!r}")


def find_function(revision: Revision, name: str) -> Function:
    """Find a function by its name.

    Raises:
        NotFound: there is none; the message lists what there is.
    """
    function = revision.function(name)
    if function is not None:
        return function
    there = ", ".join(one.id.name for one in revision.functions[:20])
    raise NotFound(f"{revision.app} has no function {name[:100]!r} (it has: {there})")


def read_data(body: CallBody) -> bytes | None:
    """Take the body to send: JSON of ``data``, or the bytes of ``body_base64``.

    Raises:
        Invalid: both are given, or the second is not base64.
    """
    if body.body_base64 is None:
        return None if body.data is msgspec.UNSET else msgspec.json.encode(body.data)
    if body.data is not msgspec.UNSET:
        raise Invalid("give data or body_base64, not both")
    try:
        return base64.b64decode(body.body_base64, validate=True)
    except ValueError:  # binascii.Error, or letters beyond ASCII.
        raise Invalid("body_base64 is not base64") from None


def build(
    house: House, revision: Revision, function: Function, body: CallBody, data: bytes | None
) -> Invocation:
    """Make the invocation that an HTTP request to the function would have made."""
    path, root_path, params = place(function, body.path, body.params)
    restful = function.kind is Kind.RESTFUL
    return Invocation(
        id=InvocationId(house.ids.fresh()),
        revision=revision.id,
        function=function,
        verb=Verb.HTTP if restful else Verb.EVENT,
        method=choose_method(function, body.method, has_body=data is not None),
        path=path,
        root_path=root_path,
        query=body.query.removeprefix("?").encode(),
        host=f"{revision.app}.{house.settings.domain}".encode(),
        client="control",
        params=params or None,
        headers=read_headers(body.headers, body_kind=_kind(body, data)),
        body=data or b"",
        arrived_at=house.clock.monotonic(),
    )


def trace(house: House, invocation: Invocation, asked: Asked) -> None:
    """Give the call its span: in the trace of whoever asks, if they name one."""
    traces, said = Traces(house.ids), read_traceparent(asked.headers.get("traceparent"))
    invocation.traceparent = traces.child(said) if said else traces.fresh()
    invocation.parent = span_of(said)


def _kind(body: CallBody, data: bytes | None) -> str | None:
    """The media type of what is sent, unless the caller names one."""
    if data is None:
        return None
    return "application/json" if body.body_base64 is None else "application/octet-stream"


def called(invocation: Invocation, outcome: Outcome) -> Called:
    """Show how a call ended; the body as text where it is UTF-8, else as base64."""
    try:
        text, coded = outcome.body.decode(), None
    except UnicodeDecodeError:
        text, coded = None, base64.b64encode(outcome.body).decode()
    usage: dict[str, Any] = msgspec.to_builtins(outcome.usage)
    return Called(
        invocation=invocation.id,
        ending=outcome.ending.value,
        status=outcome.status,
        headers=[[part.decode("latin-1") for part in pair] for pair in outcome.headers],
        usage=usage,
        message=outcome.message,
        body=text,
        body_base64=coded,
    )


async def _publish(
    house: House,
    function: Function,
    revision: Revision,
    body: CallBody,
    data: bytes | None,
    *,
    asked: Asked,
) -> Accepted:
    """Leave an errand on the bus; it is durable before this returns.

    Raises:
        Invalid: more was said than an errand carries.
    """
    if body.method or body.path or body.params or body.query or body.headers:
        raise Invalid("a background call takes data and revision, nothing else")
    id = house.ids.fresh()
    errand = Errand(
        id=id,
        app=revision.app,
        line=function_line(str(function.id)),
        function=str(function.id),
        body=b"null" if data is None else data,
        revision=revision.id if body.revision is not None else "",
        root=id,
        trace=read_traceparent(asked.headers.get("traceparent")).decode("latin-1"),
    )
    await house.bus.publish([errand])
    return Accepted(id=id)
