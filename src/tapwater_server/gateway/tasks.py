"""The door's tasks: streamed files, internal pages, the sweep. Started here, ended here."""

import asyncio
import logging
import types
from collections.abc import Coroutine, Generator

_log = logging.getLogger(__name__)


@types.coroutine
def give_way() -> Generator[None, None, None]:
    """Let everybody else on the loop go first: for what could go on for ever without waiting."""
    yield


class Tasks:
    """An owner for tasks that callbacks start; a task group can only be entered by a task."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self.failures = 0

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run it until it ends or close() is called."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """End what is still running, and wait until it has."""
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failures += 1
            _log.error("gateway_task_failed", exc_info=task.exception())
