"""Run a program on a loop: tasks for what is async, threads for what is plain."""

import asyncio
import contextvars
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tapwater.runtime import asgi, sockets, wsgi
from tapwater.runtime.answers import Whole
from tapwater.runtime.call import Call
from tapwater.runtime.failing import pack_fail, summary, trace_of
from tapwater.runtime.link import BlockingLink
from tapwater.runtime.logs import CURRENT, SINK
from tapwater.runtime.logs import connect as connect_logs
from tapwater.runtime.looped import LoopLink, open_link
from tapwater.runtime.program import Program
from tapwater.runtime.serving import choose, fail, send_whole, serve_call
from tapwater.runtime.serving_async import serve_async
from tapwater.runtime.threads import inherit_work
from tapwater.runtime.wire import Verb

# Who is told of a disconnect by a message may say goodbye; then its task is cancelled. The host
# waits half a second before it kills.
GOODBYE_S = 0.2
# The host decides how many calls run at a time; threads are made only as they are needed.
THREADS_MAX = 1000


class Conductor:
    """Owns the tasks and threads of the calls in progress."""

    def __init__(self, program: Program, link: LoopLink) -> None:
        self._program = program
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads: ThreadPoolExecutor | None = None
        self._failure: Exception | None = None
        self._app = asgi.App(program) if program.style == "asgi" else None

    async def run(self, waiting: list[Call]) -> None:
        """Serve until the host says stop; a lifespan is begun before and ended after."""
        app = self._app
        try:
            if app is not None:
                await app.startup()
        except Exception as error:
            self._failure = error
        self._link.begin(self._serve if self._failure is None else self._refuse, waiting)
        await self._link.over
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GOODBYE_S)
        if app is not None and self._failure is None:
            await app.shutdown()
        self._link.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _refuse(self, call: Call) -> None:
        """The app cannot start: say so to the first call, then end."""
        assert self._failure is not None
        call.ended = True
        message, trace = summary(self._failure), trace_of(self._failure)
        self._link.send(pack_fail(call.number, "start_failed", message, trace))
        self._link.finished(call)
        self._link.stop()

    def _serve(self, call: Call) -> None:
        verb = call.invoke.verb
        if self._app is not None:
            serve = self._app.websocket if verb == Verb.WEBSOCKET else self._app.http
            self._begin(serve(call), call, patient=True)
        elif verb == Verb.WEBSOCKET:
            talk = sockets.serve_websocket(self._program.websocket, call)
            self._begin(talk, call, patient=True)
        elif self._program.style == "wsgi":
            self._begin_thread(wsgi.serve_wsgi, call)
        else:
            self._serve_handler(call)

    def _serve_handler(self, call: Call) -> None:
        handler = choose(self._program, call)
        if isinstance(handler, Whole):
            send_whole(call, handler)
            self._link.finished(call)
        elif handler.is_async:
            self._begin(serve_async(handler, call), call)
        else:
            self._begin_thread(serve_call, call)

    def _begin(
        self, serving: Coroutine[Any, Any, None], call: Call, *, patient: bool = False
    ) -> None:
        context = contextvars.copy_context()
        context.run(CURRENT.set, call)
        task = self._loop.create_task(serving, context=context)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(done, call))
        if patient:
            call.on_cancel = lambda: self._cancel_later(call, task)
        else:
            call.on_cancel = lambda: self._cancel(call, task)

    def _cancel(self, call: Call, task: asyncio.Task[None]) -> None:
        call.on_cancel = None  # Once: the handler may want to clean up.
        task.cancel()

    def _cancel_later(self, call: Call, task: asyncio.Task[None]) -> None:
        call.on_cancel = None
        self._loop.call_later(GOODBYE_S, task.cancel)

    def _done(self, task: asyncio.Task[None], call: Call) -> None:
        self._tasks.discard(task)
        SINK.finish(call)
        error = None if task.cancelled() else task.exception()
        if not call.ended:
            fail(call, error or asyncio.CancelledError())
        self._link.finished(call)

    def _begin_thread(self, serve: Any, call: Call) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="tapwater-call")
        context = contextvars.copy_context()
        context.run(CURRENT.set, call)
        self._threads.submit(context.run, self._in_thread, serve, call)

    def _in_thread(self, serve: Any, call: Call) -> None:
        try:
            serve(self._program, call)
        finally:
            SINK.finish(call)
            self._loop.call_soon_threadsafe(self._link.finished, call)


async def _conduct(link: BlockingLink, program: Program) -> None:
    sock, decoder, waiting = link.hand_over()
    loop_link = open_link(sock, decoder, link.claims)
    connect_logs(loop_link)
    if link.stopping:
        loop_link.stop()
    await Conductor(program, loop_link).run(waiting)


def serve_looped(link: BlockingLink, program: Program) -> None:
    """Serve on a loop of its own until there are no more calls."""
    inherit_work()
    asyncio.run(_conduct(link, program))
