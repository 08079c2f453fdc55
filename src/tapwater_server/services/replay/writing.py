"""Writes down what the recorder took, in batches, off the loop."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.model.recording import Recording
from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.recordings import Recordings
from tapwater_server.services.replay.packing import FormsOf, pack
from tapwater_server.services.replay.recorder import Recorder
from tapwater_server.services.replay.settings import ReplaySettings

_BATCH_MAX = 64
_GATHER_S = 0.5  # Each written by itself would cost more than the call it is of.
_PART = 4  # Of what may wait: then it is written at once.
_log = logging.getLogger(__name__)


class Writing:
    """A loop with a step."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        recordings: Recordings,
        forms_of: FormsOf,
        clock: Clock,
        settings: ReplaySettings,
        exists: Callable[[AppId], bool] = lambda app: True,
    ) -> None:
        self._recorder, self._recordings, self._forms_of = recorder, recordings, forms_of
        self._clock, self._settings = clock, settings
        self._exists = exists
        self._taken, self._many = asyncio.Event(), asyncio.Event()
        self._writing = asyncio.Lock()
        self._failing = False
        recorder.when_taken = self._note_taken

    async def run(self) -> None:
        """Write what calls were taken, a moment after the first, until cancelled."""
        while True:
            await self._taken.wait()
            await wait_either(self._many, clock=self._clock, seconds=_GATHER_S)
            self._taken.clear()
            self._many.clear()
            await self.settle()

    def _note_taken(self) -> None:
        recorder, settings = self._recorder, self._settings
        self._taken.set()
        if (
            len(recorder.waiting) * _PART >= settings.waiting_max
            or recorder.waiting_bytes * _PART >= settings.waiting_bytes_max
        ):
            self._many.set()

    async def settle(self) -> None:
        """Write all that waits; what cannot be written is told to the log, and lost."""
        try:
            await self.flush()
        except Exception:
            # A border: a full disk must end neither recording nor reading. Once is enough to hear.
            if not self._failing:
                _log.exception("recordings could not be written")
            self._failing = True
        else:
            self._failing = False

    async def flush(self) -> None:
        """Write all that waits."""
        while await self.step():
            pass

    async def step(self) -> int:
        """Write one batch; say how many it had."""
        async with self._writing:
            waiting = self._recorder.waiting
            batch = [waiting.popleft() for _ in range(min(len(waiting), _BATCH_MAX))]
            if not batch:
                return 0
            self._recorder.waiting_bytes -= sum(taken.size_bytes for taken in batch)
            apps = {taken.invocation.function.id.app for taken in batch}
            known = {app: self._forms_of(app) for app in apps}
            packed = await asyncio.to_thread(
                lambda: [pack(taken, known[taken.invocation.function.id.app]) for taken in batch]
            )
            # A call may end after its app was removed: nothing of it is to be kept any more.
            await self._put([one for one in packed if self._exists(one.app)])
            return len(batch)

    async def _put(self, packed: Sequence[Recording]) -> None:
        try:
            await self._recordings.put(packed)
        except ValueError:
            if len(packed) == 1:
                self._recorder.dropped += 1
                _log.exception("a recording cannot be written", extra={"invocation": packed[0].id})
                return
            for one in packed:  # One that cannot be written must not take the others with it.
                await self._put([one])
        except Exception:
            self._recorder.dropped += len(packed)
            raise

    async def erase(self, app: AppId) -> None:
        """Remove all of an app, also what was to be written."""
        await self.settle()
        async with self._writing:  # What is being written comes first.
            await self._recordings.erase(app)

    async def sweep(self) -> None:
        """Remove what is too old or too much."""
        settings = self._settings
        await self._recordings.sweep(
            older_than=self._clock.now() - settings.keep_s,
            bytes_max=settings.bytes_max,
            each_max=settings.each_max,
        )
