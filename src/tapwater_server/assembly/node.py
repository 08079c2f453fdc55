"""What starts in which order, and stops in reverse."""

import asyncio
import contextlib
import inspect
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from tapwater_server.assembly.embedded import Embedded, assemble
from tapwater_server.assembly.machine import held, make_private, raise_file_limit
from tapwater_server.assembly.parts.dashboard import dashboard_url
from tapwater_server.assembly.settings import Settings

T = TypeVar("T")
_log = logging.getLogger(__name__)

# A thread of a database wants the interpreter again after each step of SQLite. Python's 5 ms would
# let it wait that long each time while the loop is busy: 3 to 6 times fewer events a second.
SWITCH_S = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a person is told when the platform serves."""

    url: str
    dashboard: str
    data: Path
    token: str | None  # The admin token's text, the first time only.
    warnings: tuple[str, ...]


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop the platform is measured on."""
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


async def serve(settings: Settings, *, ready: Callable[[Ready], Awaitable[None] | None]) -> None:
    """Serve until SIGINT or SIGTERM, then answer what is in flight and stop.

    Raises:
        SettingsError: the data directory cannot be used, or is in use.
        OSError: the port cannot be listened on.
    """
    make_private(settings.data)
    raise_file_limit()
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.enter_context(held(settings.data))
        stack.enter_context(_told_to_stop(stop))
        node = await stack.enter_async_context(assemble(settings))
        await stack.enter_async_context(_serving(node))
        _hear_hangup(node, stack)
        told = ready(
            Ready(
                url=_url(node, settings),
                dashboard=dashboard_url(_url(node, settings), settings),
                data=settings.data,
                token=node.first_token,
                warnings=await node.warnings(),
            )
        )
        if inspect.isawaitable(told):
            await told
        await stop.wait()


@asynccontextmanager
async def _serving(node: Embedded) -> AsyncIterator[None]:
    """The loops run under one owner; the door opens last and closes first."""
    loops = [asyncio.create_task(loop) for loop in node.loops]
    for loop in loops:
        loop.add_done_callback(_say_if_ended)
    try:
        await node.gateway.start()
        yield
        await node.gateway.stop()
    finally:
        for loop in loops:
            loop.cancel()
        endings = await asyncio.gather(*loops, return_exceptions=True)
    for ending in endings:
        if isinstance(ending, Exception):
            raise ending  # A loop of ours that ended by itself is a bug: it must not pass unseen.


def _say_if_ended(loop: "asyncio.Task[None]") -> None:
    """Say at once that a loop of ours has ended by itself: the node goes on without it."""
    if not loop.cancelled() and loop.exception() is not None:
        _log.critical("a loop ended", exc_info=loop.exception(), extra={"loop": loop.get_coro()})


@contextlib.contextmanager
def _told_to_stop(stop: asyncio.Event) -> Any:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _hear_hangup(node: Embedded, stack: AsyncExitStack) -> None:
    """SIGHUP reads the certificate again."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[bool]] = set()

    def reload() -> None:
        task = loop.create_task(node.gateway.reload_certificate())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    stack.callback(loop.remove_signal_handler, signal.SIGHUP)


def _url(node: Embedded, settings: Settings) -> str:
    host, port = node.gateway.addresses[0]
    scheme = "https" if settings.tls_cert else "http"
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    shown = f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown
    return f"{scheme}://{shown}:{port}"
