"""Carries operations out, one after another on each stack; goes on with them after a restart."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from tapwater_server.clouds.aws.cloudformation.book import Book, Stack
from tapwater_server.clouds.aws.cloudformation.operating import Run
from tapwater_server.clouds.aws.cloudformation.telling import Teller
from tapwater_server.ports.clock import Clock, wait_either

_log = logging.getLogger(__name__)
SETTLE_S_MAX = 15.0  # For so long an answer waits for the operation that it begins.
OPERATIONS_MAX = 32  # At a time, of all accounts; more wait. Custom resources may keep one long.
_FAILED = {"create": "CREATE_FAILED", "update": "UPDATE_FAILED", "delete": "DELETE_FAILED"}


class Operator:
    """The loop that does what requests have asked for."""

    def __init__(
        self, *, book: Book, teller: Teller, begin: Callable[[Stack], Run], clock: Clock
    ) -> None:
        self._book, self._teller, self._begin, self._clock = book, teller, begin, clock
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._ended: dict[str, asyncio.Event] = {}
        self._runs: dict[str, Run] = {}
        self._seats = asyncio.Semaphore(OPERATIONS_MAX)

    def start(self, stack: Stack) -> None:
        """Have a stack's operation done; it has been written down before."""
        self._ended.setdefault(stack.uid, asyncio.Event())
        self._waiting.put_nowait((stack.account.space, stack.uid))

    async def settled(self, stack: Stack) -> None:
        """Wait a while for an operation to end: clients that ask for a stack's state look at once,
        and then again only after half a minute.
        """
        ended = self._ended.get(stack.uid)
        if ended is not None:
            await wait_either(ended, clock=self._clock, seconds=SETTLE_S_MAX)

    async def stop(self, stack: Stack) -> None:
        """Let an operation that is going on go back, as soon as it can."""
        run = self._runs.get(stack.uid)
        if run is not None:
            await run.stop()
            await self.settled(stack)

    async def run(self) -> None:
        """Go on with what was broken off, then do what comes."""
        for space in self._book.spaces():
            for stack in self._book.stacks(space):
                if stack.busy:
                    self.start(stack)
        async with asyncio.TaskGroup() as group:
            while True:
                space, uid = await self._waiting.get()
                group.create_task(self.operate(space, uid))

    async def operate(self, space: str, uid: str) -> None:
        """Do one stack's operation to its end."""
        stack = self._book.by_uid(space, uid)
        # A nested stack's parent has a seat already, and waits for it.
        seat = self._seats if stack is None or not stack.parent else asyncio.Semaphore()
        async with seat:
            if stack is None or stack.operation is None:
                return
            try:
                run = self._runs[uid] = self._begin(stack)
                await run.run()
            except Exception:
                # A border: a bug of ours must not leave the stack busy for ever.
                _log.exception("a stack's operation broke", extra={"stack": stack.id})
                await self._give_up(space, uid)
            finally:
                self._runs.pop(uid, None)
                ended = self._ended.pop(uid, None)
                if ended is not None:
                    ended.set()

    async def _give_up(self, space: str, uid: str) -> None:
        stack = self._book.by_uid(space, uid)
        if stack is None or stack.operation is None:
            return
        status = _FAILED[stack.operation.kind]
        why = "Internal Failure"
        await self._teller.stack(replace(stack, status=status, reason=why, operation=None))
