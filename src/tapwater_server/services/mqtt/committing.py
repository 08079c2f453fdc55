"""What must be on disk before it is acknowledged: gathered, written together, then told.

One step after another, in the order it was added: so acknowledgements and deliveries keep the
order of the messages, and one fsync serves all that came while the last one ran.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct

from tapwater_server.model.event import Event
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.mqtt import Change, MqttStore, Told

_log = logging.getLogger(__name__)
BATCH_MAX = 512  # Bounds how long the first of them waits.


class Step(Struct, kw_only=True):
    """Changes and an event that belong together. ``promised``: the changes hold the event too."""

    changes: Sequence[Change] = ()
    event: Event | None = None
    promised: bool = False
    size: int = 0
    done: Callable[[], None] | None = None
    failed: Callable[[], None] | None = None


class Committer:
    """Owns the way to the disk. ``run()`` until cancelled; ``flush()`` at the end."""

    def __init__(self, *, store: MqttStore, log: EventLog) -> None:
        self._store, self._events = store, log
        self._steps: deque[Step] = deque()
        self._added = asyncio.Event()
        self._turn = asyncio.Lock()
        self.bytes_waiting = 0
        self.failures = 0

    def add(self, step: Step) -> None:
        self._steps.append(step)
        self.bytes_waiting += step.size
        self._added.set()

    def note(self, *changes: Change) -> None:
        """Write changes down that nobody waits for."""
        self.add(Step(changes=changes))

    async def run(self) -> None:
        while True:
            await self._added.wait()
            await self.step()

    async def flush(self) -> None:
        """Write all that waits."""
        while self._steps:
            await self.step()

    async def step(self) -> int:
        """Write what has gathered; say how many steps that was."""
        async with self._turn:
            batch = [self._steps.popleft() for _ in range(min(len(self._steps), BATCH_MAX))]
            if not self._steps:
                self._added.clear()
            if batch:
                await self._commit(batch)
            return len(batch)

    async def _commit(self, batch: Sequence[Step]) -> None:
        """Commit all together; if that fails, each by itself, so that only the culprit fails."""
        try:
            await self._write(batch)
        except Exception as error:
            if len(batch) > 1:
                for step in batch:
                    await self._commit([step])
                return
            # A border: what failed is told to whoever waits, and counted.
            self.failures += 1
            _log.error("mqtt_not_committed", extra={"reason": repr(error)})
            self._end(batch, [step.failed for step in batch])
            return
        self._end(batch, [step.done for step in batch])

    async def _write(self, batch: Sequence[Step]) -> None:
        changes = [change for step in batch for change in step.changes]
        if changes:
            await self._store.write(changes)
        events = [step.event for step in batch if step.event is not None]
        if events:
            await self._events.append(events)
        for step in batch:
            if step.promised and step.event is not None:
                self.note(Told(id=step.event.id))

    def _end(self, batch: Sequence[Step], calls: Sequence[Callable[[], None] | None]) -> None:
        for step, call in zip(batch, calls, strict=True):
            self.bytes_waiting -= step.size
            if call is None:
                continue
            try:
                call()
            except Exception:
                # A border: one client's trouble must not stop all the others' messages.
                self.failures += 1
                _log.exception("mqtt_not_told")
