"""The API around documents: their collections, indexes, import and export."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from tapwater_server.model.document.expiry import Ttl
from tapwater_server.model.document.index import IndexState
from tapwater_server.model.document.paths import parse_doc_path, write_field
from tapwater_server.model.errors import NotFound
from tapwater_server.services.docs.reading import (
    IndexAsked,
    TtlAsked,
    read_index,
    read_query,
    read_simple,
    read_ttl,
)
from tapwater_server.services.docs.service import DocsService, asker_of
from tapwater_server.services.docs.transfer import IMPORT_BYTES_MAX, NDJSON, export, import_
from tapwater_server.services.docs.upkeep import Upkeep
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Streamed


class StoreHttp:
    """Answers requests about what documents lie in; for the app itself and its developers."""

    def __init__(self, *, service: DocsService, upkeep: Upkeep) -> None:
        self._service, self._upkeep = service, upkeep

    def endpoints(self) -> Sequence[Endpoint]:
        """The table."""
        return (*self._indexes(), *self._ttls(), *self._transfers())

    def _indexes(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/docs",
                says="List the collections, at the top or of one document.",
                handler=self.collections,
                query={"under": "a document", "after": "the last one seen", "limit": "how many"},
            ),
            Endpoint(
                method="GET",
                path="/docs-indexes",
                says="List the indexes and how far they are.",
                handler=self.indexes,
            ),
            Endpoint(
                method="POST",
                path="/docs-indexes",
                says="Want an index; it is built while everything goes on.",
                handler=self.add_index,
                takes=IndexAsked,
                status=202,
            ),
            Endpoint(
                method="DELETE",
                path="/docs-indexes",
                says="Drop an index.",
                handler=self.drop_index,
                query={"id": "which"},
                status=204,
            ),
        )

    def _ttls(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/docs-ttl",
                says="List which fields say when documents end.",
                handler=self.ttls,
            ),
            Endpoint(
                method="PUT",
                path="/docs-ttl",
                says="Let a field say when a collection's documents end, from their next write on.",
                handler=self.put_ttl,
                takes=TtlAsked,
            ),
            Endpoint(
                method="DELETE",
                path="/docs-ttl",
                says="Let a collection's documents end by no field any more.",
                handler=self.drop_ttl,
                query={"collection": "which"},
                status=204,
            ),
        )

    def _transfers(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/docs-export",
                says="Give documents, one as JSON on each line.",
                handler=self.export,
                query={"collection": "only this one", "group": "true: all of its name"},
                media=NDJSON,
            ),
            Endpoint(
                method="POST",
                path="/docs-import",
                says="Write whole documents, one as JSON on each line, some at a time.",
                handler=self.import_,
                takes_media=NDJSON,
                body_bytes_max=IMPORT_BYTES_MAX,
            ),
        )

    async def collections(self, asked: Asked) -> dict[str, Any]:
        under = asked.text("under") or ""
        if under:
            parse_doc_path(under)
        limit = int(asked.number("limit", low=1, high=1000) or 100)
        found = await self._service.documents.collections(
            asked.app, under=under, after=asked.text("after") or "", count_max=limit
        )
        return {
            "collections": list(found),
            "after": found[-1] if len(found) == limit else "",
        }

    async def export(self, asked: Asked) -> Streamed:
        query = None
        if asked.text("collection"):
            query = read_query(read_simple(asked.query, asked.query["collection"]))
        count = partial(asked.count, "doc_reads")
        chunks = export(self._service, asked.app, query, count=count)
        return Streamed(chunks, headers={"content-type": NDJSON})

    async def import_(self, asked: Asked) -> dict[str, Any]:
        count = partial(asked.count, "doc_writes")
        done = await import_(self._service, asker_of(asked), asked.chunks(), count=count)
        return {"imported": done}

    async def indexes(self, asked: Asked) -> dict[str, Any]:
        found = await self._service.documents.indexes(asked.app)
        return {"indexes": [_index(each) for each in found]}

    async def add_index(self, asked: Asked) -> Answer:
        index = read_index(await asked.body(IndexAsked))
        state = await self._service.documents.put_index(asked.app, index)
        self._upkeep.stir()
        return Answer(_index(state), status=202)

    async def drop_index(self, asked: Asked) -> None:
        id = asked.text("id") or ""
        if not await self._service.documents.drop_index(asked.app, id):
            raise NotFound(f"there is no index {id[:200]!r}")
        self._upkeep.stir()

    async def ttls(self, asked: Asked) -> dict[str, Any]:
        found = await self._service.documents.ttls(asked.app)
        return {"ttl": [_ttl(each) for each in found]}

    async def put_ttl(self, asked: Asked) -> dict[str, Any]:
        ttl = read_ttl(await asked.body(TtlAsked))
        await self._service.documents.put_ttl(asked.app, ttl)
        return _ttl(ttl)

    async def drop_ttl(self, asked: Asked) -> None:
        name = asked.text("collection") or ""
        if not await self._service.documents.drop_ttl(asked.app, name):
            raise NotFound(f"no field says when documents of {name[:200]!r} end")


def _ttl(ttl: Ttl) -> dict[str, Any]:
    return {"collection": ttl.name, "field": write_field(ttl.field), "declared": ttl.declared}


def _index(state: IndexState) -> dict[str, Any]:
    shown = {
        "id": state.index.id,
        "collection": state.index.name,
        "fields": [str(each) for each in state.index.fields],
        "group": state.index.group,
        "state": state.state.value,
        "built": state.built,
    }
    return {**shown, "reason": state.reason} if state.reason else shown
