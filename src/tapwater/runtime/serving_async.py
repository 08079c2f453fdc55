"""Answer one call of an async handler, where waiting means awaiting."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tapwater.problem import Problem
from tapwater.runtime import answers, streams
from tapwater.runtime.answers import Pieces, Whole, refused, render
from tapwater.runtime.call import Call
from tapwater.runtime.logs import SINK
from tapwater.runtime.material import Material
from tapwater.runtime.program import Handler
from tapwater.runtime.serving import END, fail
from tapwater.runtime.wire import WINDOW_BYTES, Verb, pack_whole


async def serve_async(handler: Handler, call: Call) -> None:
    """Answer one call: exactly one RESULT, FAIL or DONE ends it."""
    try:
        answer = await _run(handler, call)
        if isinstance(answer, Whole):
            await send_whole_async(call, answer)
        else:
            await _stream(call, answer)
    except asyncio.CancelledError as error:
        fail(call, error)
    except BaseException as error:
        fail(call, error)
        if not isinstance(error, Exception):
            raise
    finally:
        streams.release(call)


async def bind_async(handler: Handler, call: Call) -> tuple[list[Any], dict[str, Any]]:
    """The handler's arguments, its body read first if it wants one.

    Raises:
        Problem: the request does not fit.
    """
    plan = handler.plan
    if plan.trivial:
        return [], {}
    material = Material(call, b"")
    if plan.wants_form:
        material.form_read = await streams.whole_form_async(call, material.content_type)
    elif plan.wants_body:
        material.body = await streams.whole_body_async(call)
    elif call.invoke.verb == Verb.EVENT:
        material.body = await streams.whole_body_async(call)
        material.spread()
    return plan.bind(material)


async def _run(handler: Handler, call: Call) -> Whole | Pieces:
    try:
        positional, named = await bind_async(handler, call)
        value = handler.function(*positional, **named)
        if hasattr(value, "__await__"):
            value = await value
        return render(value)
    except Problem as problem:
        return refused(problem)


async def send_whole_async(call: Call, answer: Whole) -> None:
    """Send an answer that is complete; a large one in pieces."""
    status, headers, body = answer
    if len(body) <= WINDOW_BYTES:
        if SINK.partial:
            SINK.finish(call)
        call.ended = True
        call.link.send(pack_whole(call.number, status, headers, body))
        return
    streams.begin_packed(call, status, headers)
    await streams.write_async(call, body)
    streams.finish(call)


async def _stream(call: Call, pieces: Pieces) -> None:
    items = pieces.items
    try:
        try:
            first = await _next(items)
        except Problem as problem:  # Nothing has gone out yet.
            await send_whole_async(call, refused(problem))
            return
        headers, sent_events = answers.kind_of_pieces(pieces, b"" if first is END else first)
        streams.begin(call, pieces.status, headers)
        while first is not END and call.invoke.method != b"HEAD":
            await streams.write_async(call, answers.piece(first, sent_events=sent_events))
            first = await _next(items)
        streams.finish(call)
    finally:
        await _close(items)


async def _next(items: Any) -> Any:
    if isinstance(items, AsyncIterator):
        return await anext(items, END)
    return next(items, END)


async def _close(items: Any) -> None:
    if hasattr(items, "aclose"):
        await items.aclose()
    elif hasattr(items, "close"):
        items.close()
