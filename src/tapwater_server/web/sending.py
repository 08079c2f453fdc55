"""Writing an answer on an ASGI connection, whole or piece by piece, as long as somebody waits."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

from tapwater_server.web.callers import Standing
from tapwater_server.web.dispatch import Said
from tapwater_server.web.scope import DOOR, Door, Scope, Send

_UNKEPT = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def end_with_client(scope: Scope) -> None:
    """From now on the request ends as soon as nobody waits for its answer."""
    task = asyncio.current_task()
    on_gone = cast(Door, scope.get(DOOR, {})).get("on_gone")
    if on_gone is not None and task is not None:
        on_gone(task.cancel)


def followed(said: Said, standing: Standing) -> Said:
    """What is followed ends with its token; what is only long (a blob) is sent whole."""
    events = said.headers.get("content-type", "").startswith("text/event-stream")
    if isinstance(said.body, bytes) or not (said.endless or events):
        return said
    return replace(said, body=_while(said.body, standing))


def unkept(said: Said) -> Said:
    """What one person may see is kept by no browser and no proxy, and taken for nothing else."""
    return replace(said, headers={**said.headers, **_UNKEPT})


async def _while(chunks: AsyncIterator[bytes], standing: Standing) -> AsyncIterator[bytes]:
    """Go on as long as who asked may: else the answer ends, and its client asks again."""
    try:
        async for chunk in chunks:
            if not await standing.holds():
                return
            yield chunk
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def send_said(scope: Scope, send: Send, said: Said, *, prefix: str = "http.response") -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in said.headers.items()]
    say = cast(Door, scope.get(DOOR, {})).get("say")
    if say is not None and isinstance(said.body, bytes):
        say(said.status, headers, said.body)
        return
    await send({"type": f"{prefix}.start", "status": said.status, "headers": headers})
    if isinstance(said.body, bytes):
        await send({"type": f"{prefix}.body", "body": said.body, "more_body": False})
        return
    end_with_client(scope)
    if said.endless:
        # Who follows is told at once that it is heard: the first piece may come in an hour.
        await send({"type": f"{prefix}.body", "body": b"", "more_body": True})
    await stream(send, said.body, head=scope.get("method") == "HEAD")


async def stream(send: Send, chunks: AsyncIterator[bytes], *, head: bool) -> None:
    """Send piece by piece; each waits until the client can take it."""
    try:
        async for chunk in chunks:
            if head:  # Begun all the same: only what was begun cleans up after itself.
                break
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
