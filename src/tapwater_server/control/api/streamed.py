"""An answer that comes line by line (NDJSON), and ends when the client goes away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

LINES_WAITING_MAX = 10_000  # Of a client that does not read; the oldest notes are dropped then.

Emit = Callable[[Any], None]


class Streamed:
    """Runs something and sends each value it emits as a line of JSON."""

    def __init__(self, run: Callable[[Emit], Awaitable[None]]) -> None:
        self._run = run
        self._lines: asyncio.Queue[Any] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/x-ndjson"),
                    (b"cache-control", b"no-store"),
                ],
            }
        )
        try:
            await self._send_lines(receive, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except* ConnectionResetError:
            pass  # The client has gone: so ends what is followed, and it is nobody's fault.

    async def _send_lines(self, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._work())
            gone = group.create_task(_wait_gone(receive))
            gone.add_done_callback(lambda _: running.cancel())
            while (line := await self._lines.get()) is not None:
                await _send_line(send, line)
            gone.cancel()

    async def _work(self) -> None:
        try:
            await self._run(self._emit)
        finally:
            self._lines.put_nowait(None)

    def _emit(self, line: Any) -> None:
        if self._lines.qsize() >= LINES_WAITING_MAX:
            self._lines.get_nowait()
        self._lines.put_nowait(line)


async def _send_line(send: Send, line: Any) -> None:
    body = msgspec.json.encode(line) + b"\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _wait_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
