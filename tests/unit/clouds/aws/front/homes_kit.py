"""Releases that make a home as the platform does, without a machine."""

from collections.abc import Sequence
from typing import BinaryIO

from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.releases import Release


class NoReleases:
    """Keeps as much of ``Releases`` as a home needs."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.made: list[Release] = []

    def get(self) -> "NoReleases":
        return self

    async def pythons(self) -> Sequence[str]:
        return ()

    async def unpack(
        self, archives: Sequence[BinaryIO], *, beside: bool = False
    ) -> tuple[str, int]:
        return "0" * 64, 0

    async def release(self, release: Release) -> Revision:
        self.made.append(release)
        revision = Revision(
            id=RevisionId("01"),
            app=release.app,
            number=1,
            created_at=0.0,
            bundle=release.bundle,
            layer="",
            python="",
            functions=(),
        )
        live = Alias(app=release.app, name="live", weights={revision.id: 100})
        await self._registry.add_revision(revision, aliases=[live])
        return revision

    async def point(self, alias: Alias) -> None:
        raise NotImplementedError

    async def unpoint(self, app: AppId, name: str) -> None:
        raise NotImplementedError

    async def drop(self, app: AppId, revision: RevisionId) -> None:
        raise NotImplementedError

    async def remove(self, app: AppId) -> None:
        raise NotImplementedError
