"""What live revisions declare about documents: indexes are wanted, fields of expiry are put."""

import asyncio
import logging

from tapwater_server.model.document.declared import parse_indexes, parse_ttls
from tapwater_server.model.errors import Invalid
from tapwater_server.model.function import Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.documents import Documents
from tapwater_server.ports.registry import Registry, live_revision
from tapwater_server.services.docs.upkeep import Upkeep

RETRY_S = 5.0
_log = logging.getLogger(__name__)


class Declared:
    """Follows the registry, and carries out what each app's live revision says.

    Indexes are only ever added: an older revision that goes live again finds its own.
    """

    def __init__(
        self, *, registry: Registry, documents: Documents, upkeep: Upkeep, clock: Clock
    ) -> None:
        self._registry, self._documents = registry, documents
        self._upkeep, self._clock = upkeep, clock
        self._done: dict[AppId, RevisionId] = {}
        self._changed = asyncio.Event()
        self._changed.set()
        registry.watch(lambda _: self._changed.set())

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.step()
            except Exception:
                # A border: a full disk must not end it for good.
                _log.exception("what an app declares of its documents was not carried out")
                self._changed.set()
                await self._clock.sleep(RETRY_S)

    async def step(self) -> None:
        """Carry out what is live now and was not before."""
        apps = self._registry.apps()
        self._done = {app: id for app, id in self._done.items() if app in apps}
        for app in apps:
            revision = live_revision(self._registry, app)
            if revision is not None and self._done.get(app) != revision.id:
                await self._carry_out(app, revision)
                self._done[app] = revision.id

    async def _carry_out(self, app: AppId, revision: Revision) -> None:
        ttls, _ = parse_ttls(revision.settings.get("ttl", ()))
        indexes, _ = parse_indexes(revision.settings.get("indexes", ()))
        try:
            await self._documents.declare_ttls(app, ttls)
            for index in indexes:
                await self._documents.put_index(app, index)
        except Invalid as error:
            # Others by hand took the room; all else of the revision works without it.
            _log.warning("not all that is declared fits", extra={"app": app, "why": error.message})
        if app not in self._registry.apps():
            await self._documents.erase(app)  # It was removed meanwhile: nothing stays behind.
        self._upkeep.stir()
