"""Questions of a running function to the host: owned tasks, few at a time, one answer each."""

import asyncio
import json
import logging
from collections.abc import Callable

from tapwater.runtime.wire import FRAME_BYTES_MAX, WireError, pack_answer, read_ask
from tapwater_server.instances.bindings import Bindings
from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.invocation import Invocation

ASKS_MAX = 32  # unanswered questions of one instance; a guest that asks more is flooding
_ANSWER_BYTES_MAX = FRAME_BYTES_MAX - 64
_log = logging.getLogger(__name__)


class Asks:
    """The questions of one instance that are being answered."""

    __slots__ = ("_bindings", "_tasks", "_write")

    def __init__(self, *, bindings: Bindings, write: Callable[[bytes], None]) -> None:
        self._bindings = bindings
        self._write = write
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, number: int, payload: bytes, caller: Invocation) -> None:
        """Begin to answer one question.

        Raises:
            WireError: it cannot be read, or there are too many.
        """
        ask, name, body = read_ask(payload)
        if len(self._tasks) >= ASKS_MAX:
            raise WireError(f"more than {ASKS_MAX} questions at a time")
        task = asyncio.get_running_loop().create_task(self._answer(number, ask, caller, name, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """The instance is gone: nobody waits for answers."""
        for task in self._tasks:
            task.cancel()

    async def _answer(
        self, number: int, ask: int, caller: Invocation, name: str, body: bytes
    ) -> None:
        fine = True
        try:
            answer = await self._bindings.ask(caller, name, body)
        except TapwaterError as error:
            fine, answer = False, _told(error.code, error.message)
        except Exception:
            # A border: a bug of ours is told to the log, and to the guest, who would wait for ever.
            _log.exception("a question failed", extra={"binding": name[:64]})
            fine, answer = False, _told("internal", "something went wrong on the platform's side")
        if len(answer) > _ANSWER_BYTES_MAX:
            fine, answer = False, _told("too_large", "the answer is larger than a frame")
        # Answered from here on: who hears of it may ask again before this task has ended.
        task = asyncio.current_task()
        assert task is not None
        self._tasks.discard(task)
        self._write(pack_answer(number, ask, answer, fine=fine))


def _told(code: str, message: str) -> bytes:
    return json.dumps({"code": code, "message": message}).encode()
