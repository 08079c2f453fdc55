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
OWED_MAX = 10_000  # Promised events in memory that wait for the log; more wait on disk.


class Step(Struct, kw_only=True, eq=False):
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
        self._owed: deque[Step] = deque()
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
        """First what is ours, then the events: an event that is promised is safe from then on."""
        kept = await self._keep(batch)
        unheard = set(await self._tell(kept))
        self._end([step for step in kept if step not in unheard], failed=False)
        self._end([step for step in kept if step in unheard], failed=True)

    async def _keep(self, batch: Sequence[Step]) -> Sequence[Step]:
        """Write changes, all together; if that fails, each alone, so that only the culprit fails.
        Gives the steps that are written.
        """
        changes = [change for step in batch for change in step.changes]
        try:
            if changes:
                await self._store.write(changes)
        except Exception as error:
            if len(batch) == 1:
                self._note_failure(error)
                self._end(batch, failed=True)
                return ()
            return [kept for step in batch for kept in await self._keep([step])]
        return batch

    async def _tell(self, batch: Sequence[Step]) -> Sequence[Step]:
        """Append events, in the same way. Gives the steps that must fail: the event is not in
        the log, and was not promised.
        """
        telling = [step for step in batch if step.event is not None]
        try:
            if telling:
                await self._events.append([step.event for step in telling if step.event])
        except Exception as error:
            if len(telling) > 1:
                return [lost for step in telling for lost in await self._tell([step])]
            self._note_failure(error)
            self._owe(telling)
            return [step for step in telling if not step.promised]
        for step in telling:
            if step.promised and step.event is not None:
                self.note(Told(id=step.event.id))
        return ()

    def _owe(self, steps: Sequence[Step]) -> None:
        """Promised and not told: try again later, or when the platform starts again."""
        for step in steps:
            if step.promised and len(self._owed) < OWED_MAX:
                self._owed.append(Step(event=step.event, promised=True))

    def try_again(self) -> None:
        """Queue what is owed once more."""
        while self._owed:
            self.add(self._owed.popleft())

    def _note_failure(self, error: Exception) -> None:
        # A border: what failed is told to whoever waits, and counted.
        self.failures += 1
        _log.error("mqtt_not_committed", extra={"reason": repr(error)})

    def _end(self, steps: Sequence[Step], *, failed: bool) -> None:
        for step in steps:
            self.bytes_waiting -= step.size
            call = step.failed if failed else step.done
            if call is None:
                continue
            try:
                call()
            except Exception:
                # A border: one client's trouble must not stop all the others' messages.
                self.failures += 1
                _log.exception("mqtt_not_told")
