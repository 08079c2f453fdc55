"""The first few of a query, live: all of them again, whenever they are others or changed.

Which document moves up when one leaves cannot be said from the event alone, so the query is asked
again: after a change of what it matches, and not more often than ``PAUSE_S``. Nothing is kept but
which versions were told, and who comes back simply begins anew.
"""

from collections.abc import AsyncGenerator
from dataclasses import replace

import msgspec

from tapwater_server.model.document.query import Query
from tapwater_server.model.errors import Invalid, NeedsIndex
from tapwater_server.ports.clock import Clock
from tapwater_server.services.docs.hub import Frame, Hub, Listener
from tapwater_server.services.docs.service import Asker, DocsService

TOP_MAX = 100  # Documents: all of them go out again with each change.
PAUSE_S = 0.25  # Between two looks for one listener, however much is written.
USER_S_MAX = 3600.0  # Of one subscription of a user: who signed out must not listen for ever.


class Leading:
    """Opens subscriptions to the first few of a query."""

    def __init__(self, *, service: DocsService, hub: Hub, clock: Clock) -> None:
        self._service, self._hub, self._clock = service, hub, clock

    async def open(self, asker: Asker, query: Query, count: int) -> AsyncGenerator[Frame, None]:
        """Begin; the messages come from what this gives. Close it at the end.

        Raises:
            Invalid, NeedsIndex: it cannot be subscribed to.
            Overloaded: too many subscribe already.
        """
        if not 1 <= count <= TOP_MAX:
            raise Invalid(f"top is from 1 to {TOP_MAX}")
        if query.after:
            raise Invalid("a subscription takes no after")
        query = replace(query, limit=count)
        # It is stirred by what is hidden, too; what is told comes from the service, which judges.
        listener = Listener(replace(query, select=()), asker.app, None, asker.share)
        if asker.who.user:
            listener.until = self._clock.monotonic() + USER_S_MAX
        await self._hub.join(listener)
        try:
            first = await self._look(asker, query)
        except BaseException:
            self._hub.leave(listener)
            raise
        return self._frames(asker, query, listener, first)

    async def _look(self, asker: Asker, query: Query) -> tuple[tuple[int, ...], Frame]:
        """Ask; give what tells this answer from another, and the message."""
        page = await self._service.find(asker, query)
        body = {
            "type": "snapshot",
            "documents": [each.shown() for each in page.documents],
            "complete": True,
            "token": "",
        }
        versions = tuple(each.version for each in page.documents)  # No two have the same.
        return versions, Frame(0, "snapshot", msgspec.json.encode(body), len(versions))

    async def _frames(
        self,
        asker: Asker,
        query: Query,
        listener: Listener,
        first: tuple[tuple[int, ...], Frame],
    ) -> AsyncGenerator[Frame, None]:
        told, frame = first
        try:
            yield frame
            while not listener.ended:
                await listener.stirred.wait()
                if 0.0 < listener.until <= self._clock.monotonic():
                    yield _said("closed", reason="come again with a fresh token of access")
                    return
                if listener.beat:
                    listener.beat = False
                    yield _said("alive")
                await self._clock.sleep(PAUSE_S)
                # Forgotten before looking: what comes later stirs again.
                if listener.forget() and not listener.ended:
                    try:
                        found, frame = await self._look(asker, query)
                    except NeedsIndex as error:
                        yield _said("closed", reason=error.message)
                        return
                    if found != told:
                        told = found
                        yield frame
        finally:
            self._hub.leave(listener)


def _said(kind: str, **more: str) -> Frame:
    return Frame(0, kind, msgspec.json.encode({"type": kind, **more, "token": ""}))
