"""Removes bytes that no blob is made of: what was let go, and what a crash left behind."""

import logging

from tapwater_server.ports.blob_bytes import BlobBytes
from tapwater_server.ports.blobs import BlobFacts
from tapwater_server.ports.clock import Clock
from tapwater_server.services.blobs.lifecycle import Lifecycle
from tapwater_server.services.blobs.streams import Streams

# Somebody may have looked a blob up and not begun to read it; and a backup may have copied the
# database and not yet the last files.
GRACE_S = 600.0
STRANGER_S = 24 * 3600.0  # Bytes being written have no facts yet; none are written for so long.
_EVERY_S = 60.0
_LEFTOVERS_EVERY = 24 * 60  # steps
_LIFECYCLE_EVERY = 60
_PORTION = 500

_log = logging.getLogger(__name__)


class Sweeping:
    """A loop with a step.

    ``began_at`` is when the only process that writes here began: what is older and has no facts
    was left by the process before. Where several write, it is 0.0 and only age counts.
    """

    def __init__(
        self,
        *,
        facts: BlobFacts,
        bytes: BlobBytes,
        streams: Streams,
        lifecycle: Lifecycle,
        clock: Clock,
        began_at: float,
    ) -> None:
        self._facts, self._bytes, self._streams = facts, bytes, streams
        self._lifecycle, self._clock, self._began_at = lifecycle, clock, began_at
        self._steps = 0

    async def run(self) -> None:
        """Sweep now and every minute, until cancelled."""
        while True:
            try:
                await self.step()
            except Exception:
                # A border: a full disk or a bug must not end the sweeping for good.
                _log.exception("sweeping blobs failed; it is tried again")
            await self._clock.sleep(_EVERY_S)

    async def step(self) -> None:
        """Do what is due."""
        steps, self._steps = self._steps, self._steps + 1
        if steps % _LIFECYCLE_EVERY == 0:
            await self._lifecycle.step()
        if steps % _LEFTOVERS_EVERY == 0:
            await self.remove_leftovers()
        await self.remove_garbage()

    async def remove_garbage(self) -> int:
        """Remove what blobs have let go, unless it is being read."""
        gone, before = 0, self._clock.now() - GRACE_S
        while True:
            found = await self._facts.garbage(before=before, count_max=_PORTION)
            free = [piece for piece in found if not self._streams.is_read(piece)]
            if free:
                await self._bytes.remove(free)
                await self._facts.forget(free)
            gone += len(free)
            if len(found) < _PORTION or not free:
                return gone

    async def remove_leftovers(self) -> int:
        """Remove bytes that nothing knows and nobody is writing."""
        gone = 0
        age_s = STRANGER_S
        ran_s = self._clock.now() - self._began_at
        if self._began_at and ran_s >= 0:  # Else the clock was set back: only age is sure.
            age_s = min(age_s, ran_s)
        async for names in self._bytes.names(older_than_s=age_s):
            strangers = await self._facts.strangers(names)
            await self._bytes.remove(strangers)
            gone += len(strangers)
        if gone:
            _log.info("removed what unfinished uploads left", extra={"pieces": gone})
        return gone
