"""Answer one call of a plain handler, where waiting means blocking."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tapwater.problem import Problem
from tapwater.runtime import answers, streams
from tapwater.runtime.answers import Pieces, Whole, refused, render
from tapwater.runtime.call import Call
from tapwater.runtime.failing import pack_error, pack_fail, trace_of
from tapwater.runtime.logs import SINK
from tapwater.runtime.material import Material
from tapwater.runtime.program import Handler, Program
from tapwater.runtime.wire import WINDOW_BYTES, Level, Verb, pack_headers, pack_whole

END: Any = object()


def choose(program: Program, call: Call) -> Handler | Whole:
    """The handler for the call's verb, or the answer when there is none."""
    method = call.invoke.method.decode("latin-1").upper()
    handlers = program.handlers
    handler = handlers.get(method) or handlers.get("")
    if handler is None and method == "HEAD":
        handler = handlers.get("GET")
    if handler is not None:
        return handler
    if not handlers:
        upgrade = {"upgrade": "websocket", "connection": "upgrade"}
        return refused(Problem(426, "Connect with a WebSocket.", headers=upgrade))
    allowed = ", ".join(allowed_verbs(program))
    if method == "OPTIONS":
        return Whole(204, pack_headers([(b"allow", allowed.encode())]), b"")
    return refused(
        Problem(405, f"{method} is not possible here; {allowed} is.", headers={"allow": allowed})
    )


def allowed_verbs(program: Program) -> list[str]:
    """What an Allow header says."""
    verbs = set(program.handlers)
    if "GET" in verbs:
        verbs.add("HEAD")
    return sorted(verbs | {"OPTIONS"})


def arguments(handler: Handler, call: Call) -> tuple[list[Any], dict[str, Any]]:
    """The handler's arguments, its body read first if it wants one.

    Raises:
        Problem: the request does not fit.
    """
    plan = handler.plan
    material = Material(call, b"")
    if plan.wants_form:
        material.form_read = streams.whole_form(call, material.content_type)
    elif plan.wants_body:
        material.body = streams.whole_body(call)
    elif call.invoke.verb == Verb.EVENT:
        material.body = streams.whole_body(call)
        material.spread()
    return plan.bind(material)


def serve_call(program: Program, call: Call) -> None:
    """Answer one call: exactly one RESULT, FAIL or DONE ends it."""
    try:
        handler = choose(program, call)
        answer = handler if isinstance(handler, Whole) else _run(handler, call)
        if isinstance(answer, Whole):
            send_whole(call, answer)
        else:
            _stream(call, answer)
    except BaseException as error:
        fail(call, error)
        if not isinstance(error, Exception):
            raise
    finally:
        streams.release(call)


def fail(call: Call, error: BaseException) -> None:
    """End the call with what went wrong; if it has ended already, say so in the log."""
    if call.ended:
        text = "after the answer: " + trace_of(error)
        SINK.send(Level.ERROR, text.split("\n"), call)
        return
    SINK.finish(call)
    call.ended = True
    if call.cancelled is not None:
        call.link.send(pack_fail(call.number, "cancelled", call.cancelled))
    else:
        call.link.send(pack_error(call.number, error))


def _run(handler: Handler, call: Call) -> Whole | Pieces:
    try:
        if handler.plan.trivial:
            value = handler.function()
        else:
            positional, named = arguments(handler, call)
            value = handler.function(*positional, **named)
        if hasattr(value, "__await__"):
            value = asyncio.run(_awaited(value))  # A decorator hid that it is async.
        return render(value)
    except Problem as problem:
        return refused(problem)


async def _awaited(value: Any) -> Any:
    return await value


def send_whole(call: Call, answer: Whole, *, before: bytes = b"") -> None:
    """Send an answer that is complete; a large one in pieces. ``before``: frames that go first."""
    status, headers, body = answer
    if len(body) <= WINDOW_BYTES:
        if SINK.partial:
            SINK.finish(call)
        call.ended = True
        call.link.send(before + pack_whole(call.number, status, headers, body))
        return
    if before:
        call.link.send(before)
    streams.begin_packed(call, status, headers)
    streams.write(call, body)
    streams.finish(call)


def _stream(call: Call, pieces: Pieces) -> None:
    items = plain_items(pieces.items)
    try:
        try:
            first = next(items, END)
        except Problem as problem:  # Nothing has gone out yet.
            send_whole(call, refused(problem))
            return
        headers, sent_events = answers.kind_of_pieces(pieces, b"" if first is END else first)
        streams.begin(call, pieces.status, headers)
        while first is not END and call.invoke.method != b"HEAD":
            streams.write(call, answers.piece(first, sent_events=sent_events))
            first = next(items, END)
        streams.finish(call)
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


def plain_items(items: Iterator[Any] | AsyncIterator[Any]) -> Iterator[Any]:
    """The items of a stream for somebody who blocks; an async one is given a loop of its own."""
    return _looped(items) if isinstance(items, AsyncIterator) else items


def _looped(items: AsyncIterator[Any]) -> Iterator[Any]:
    with asyncio.Runner() as runner:
        try:
            while (item := runner.run(_next(items))) is not END:
                yield item
        finally:
            if hasattr(items, "aclose"):
                runner.run(items.aclose())


async def _next(items: AsyncIterator[Any]) -> Any:
    return await anext(items, END)
