"""WebSocket calls: the handler's ``ws`` and how it ends."""

import asyncio

from tapwater.problem import Problem
from tapwater.runtime import answers
from tapwater.runtime.call import Call
from tapwater.runtime.conversation import Conversation
from tapwater.runtime.program import Handler
from tapwater.runtime.serving import fail, send_whole
from tapwater.runtime.serving_async import bind_async
from tapwater.websocket import WebSocketClosed


async def serve_websocket(handler: Handler | None, call: Call) -> None:
    """Let the handler talk until it returns or the other side has closed."""
    conversation = Conversation(call)
    try:
        if handler is None:
            conversation.refuse(404)
            return
        positional, named = await bind_async(handler, call)
        await handler.function(*positional, **named)
    except Problem as problem:
        if call.started:
            fail(call, problem)
        else:
            send_whole(call, answers.refused(problem))
    except WebSocketClosed:
        conversation.close(conversation.close_code)
    except (Exception, asyncio.CancelledError) as error:
        if call.cancelled is not None and call.started:
            conversation.close(conversation.close_code)
        else:
            fail(call, error)
    _finish(conversation)


def _finish(conversation: Conversation) -> None:
    if conversation.call.started:
        conversation.close(1000)
    else:
        conversation.refuse(403)
