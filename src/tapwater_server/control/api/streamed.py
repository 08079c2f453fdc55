"""An answer that comes line by line (NDJSON), and ends when the client goes away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

LINES_WAITING_MAX = 10_000  # Of a client that does not read; the oldest notes are dropped then.

Emit = Callable[[Any], None]


async def lines(run: Callable[[Emit], Awaitable[None]]) -> AsyncIterator[bytes]:
    """Run something and give each value it emits as a line of JSON; to stop reading ends it."""
    waiting: asyncio.Queue[Any] = asyncio.Queue()

    def emit(line: Any) -> None:
        if waiting.qsize() >= LINES_WAITING_MAX:
            waiting.get_nowait()
        waiting.put_nowait(line)

    async def work() -> None:
        try:
            await run(emit)
        finally:
            waiting.put_nowait(None)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(work())
        try:
            while (line := await waiting.get()) is not None:
                yield msgspec.json.encode(line) + b"\n"
        finally:
            running.cancel()
