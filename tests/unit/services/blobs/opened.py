"""The service of blobs in memory, with rules and time at hand."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.backends.memory.blob_bytes import MemoryBlobBytes
from tapwater_server.backends.memory.blobs import MemoryBlobFacts
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.ports.rules import Action
from tapwater_server.services.blobs.http import BlobsApi
from tapwater_server.services.blobs.http_buckets import BucketsApi
from tapwater_server.services.blobs.http_uploads import UploadsApi
from tapwater_server.services.blobs.lifecycle import Lifecycle
from tapwater_server.services.blobs.permits import Permits
from tapwater_server.services.blobs.service import Blobs
from tapwater_server.services.blobs.streams import Streams
from tapwater_server.services.blobs.sweeping import Sweeping
from tapwater_server.services.blobs.uploads import Uploads
from tapwater_server.testing.clock import CountingIds, ManualClock
from tapwater_server.web.asked import Asked
from tapwater_server.web.dispatch import Said, Table

SHOP = AppId("shop")
OWNER = Principal(name="owner", apps=frozenset({SHOP}))
ADA = Principal(name="ada", user="ada", user_app=SHOP)
Judge = Callable[[Principal, Action, str, Mapping[str, Any] | None, Mapping[str, Any] | None], bool]


@dataclass
class ScriptedRules:
    """Rules as a function; keeps what it was asked."""

    judge: Judge = lambda who, action, path, old, new: False
    asked: list[tuple[Action, str]] = field(default_factory=list)

    def allows(
        self,
        app: AppId,
        who: Principal,
        *,
        service: str,
        action: Action,
        path: str,
        old: Mapping[str, Any] | None = None,
        new: Mapping[str, Any] | None = None,
    ) -> bool:
        assert service == "blobs"
        self.asked.append((action, path))
        return self.judge(who, action, path, old, new)


class Opened:
    """Everything of the service, put together as assembly does it."""

    def __init__(self, *, bytes_max: int = 1 << 30, began_at: float = 0.0) -> None:
        self.clock = ManualClock()
        ids = CountingIds()
        self.log = MemoryEventLog(clock=self.clock)
        self.facts = MemoryBlobFacts(clock=self.clock, ids=ids, tell=self.log.record)
        self.bytes = MemoryBlobBytes(clock=self.clock, bytes_max=bytes_max)
        self.streams = Streams(bytes=self.bytes, ids=ids)
        self.blobs = Blobs(facts=self.facts, streams=self.streams, clock=self.clock)
        uploads = Uploads(facts=self.facts, streams=self.streams, clock=self.clock, ids=ids)
        self.rules = ScriptedRules()
        permits = Permits(rules=self.rules, key=b"k" * 32, clock=self.clock)
        self.lifecycle = Lifecycle(facts=self.facts, clock=self.clock)
        self.sweeping = Sweeping(
            facts=self.facts,
            bytes=self.bytes,
            streams=self.streams,
            lifecycle=self.lifecycle,
            clock=self.clock,
            began_at=began_at,
        )
        self.table = Table(
            (
                *BucketsApi(blobs=self.blobs, permits=permits).endpoints(),
                *UploadsApi(blobs=self.blobs, uploads=uploads, permits=permits).endpoints(),
                *BlobsApi(blobs=self.blobs, permits=permits).endpoints(),
            )
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        who: Principal = OWNER,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Said:
        """Ask as over HTTP."""
        given = {"content-length": str(len(content)), **(headers or {})}

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        asked = Asked(
            app=SHOP,
            who=who,
            method=method,
            path=f"/blobs{path}",
            query=query or {},
            headers=given,
            chunks=chunks,
        )
        return await self.table.answer(asked)

    async def names(self) -> list[str]:
        """Which bytes there are."""
        return [name async for some in self.bytes.names(older_than_s=-1) for name in some]


async def whole(said: Said) -> bytes:
    """Read an answer to its end."""
    if isinstance(said.body, bytes):
        return said.body
    return b"".join([part async for part in said.body])


__all__ = ["ADA", "NOBODY", "OWNER", "SHOP", "Opened", "ScriptedRules", "whole"]
