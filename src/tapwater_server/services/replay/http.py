"""Recordings and replays over HTTP: endpoints of the node, below ``/_/api/v1``."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tapwater_server.model.errors import NotFound
from tapwater_server.model.ids import RevisionId
from tapwater_server.model.recording import Recording
from tapwater_server.ports.recordings import Recordings, Wanted
from tapwater_server.ports.registry import Registry, live_revision
from tapwater_server.services.replay.service import ReplayService
from tapwater_server.services.replay.shapes import ReplayAsked, recording_shown, replayed_shown
from tapwater_server.services.replay.writing import Writing
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint, Who
from tapwater_server.web.node import app_in_query

_PAGE, _PAGE_MAX = 50, 500


class ReplayApi:
    """The endpoints."""

    def __init__(
        self,
        *,
        service: ReplayService,
        recordings: Recordings,
        writing: Writing,
        registry: Registry,
    ) -> None:
        self._service, self._recordings = service, recordings
        self._writing, self._registry = writing, registry

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/recordings",
                says="List recorded calls, newest first.",
                handler=self._list,
                who=Who.HOLDER,
                query={
                    "app": "of this app",
                    "function": "of this function",
                    "before": "older than this id",
                    "limit": f"how many, {_PAGE} unless told, {_PAGE_MAX} at most",
                },
            ),
            Endpoint(
                method="GET",
                path="/recordings/{id}",
                says="Show a recorded call: the request, the outcome, what it asked on its way.",
                handler=self._get,
                who=Who.HOLDER,
            ),
            Endpoint(
                method="POST",
                path="/invocations/{id}/replay",
                says="Run a recorded call again, and say in what the two outcomes differ.",
                handler=self._replay,
                who=Who.HOLDER,
                takes=ReplayAsked,
                waits=True,
            ),
        )

    async def _list(self, asked: Asked) -> Any:
        await self._writing.settle()
        wanted = Wanted(
            app=app_in_query(asked),
            function=asked.text("function"),
            before=asked.text("before"),
            count_max=int(asked.number("limit", low=1, high=_PAGE_MAX) or _PAGE),
        )
        return {"recordings": msgspec.to_builtins(await self._recordings.find(wanted))}

    async def _get(self, asked: Asked) -> Any:
        recording = await self._find(asked)
        own = self._registry.revision(recording.app, RevisionId(recording.revision))
        latest = own or live_revision(self._registry, recording.app)
        function = latest.function(recording.function) if latest is not None else None
        return recording_shown(
            recording,
            number=own.number if own is not None else None,
            file=function.file if function is not None else "",
        )

    async def _replay(self, asked: Asked) -> Any:
        said = await asked.body(ReplayAsked)
        recording = await self._find(asked)
        wanted = str(said.revision) if said.revision is not None else None
        replayed = await self._service.replay(
            recording,
            revision=self._service.revision(recording, wanted),
            bindings=said.bindings,
            unknown_live=said.unknown == "live",
        )
        return replayed_shown(recording, replayed)

    async def _find(self, asked: Asked) -> Recording:
        await self._writing.settle()  # It may have ended a moment ago.
        recording = await self._service.find(asked.params["id"])
        if not asked.who.may_deploy(recording.app):
            raise NotFound(f"there is no recording of {recording.id}")
        return recording
