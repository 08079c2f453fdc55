"""The API of documents: one line for each thing one can do."""

import shlex
from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import Any
from urllib.parse import quote

import msgspec

from tapwater_server.model.document.declared import write_entry
from tapwater_server.model.document.document import Document
from tapwater_server.model.document.expiry import EXPIRES_MAX
from tapwater_server.model.document.index import Index
from tapwater_server.model.document.paths import (
    DocPath,
    name_of,
    parse_collection,
    parse_doc_path,
)
from tapwater_server.model.document.query import Query
from tapwater_server.model.document.write import Condition, Kind, Unmet, Write
from tapwater_server.model.errors import NotFound, PreconditionFailed
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.documents import PATHS_MAX, Page
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.docs.headers import condition_of, count_writes, etags_of
from tapwater_server.services.docs.reading import (
    CommitAsked,
    QueryAsked,
    read_commit,
    read_data,
    read_expiry,
    read_query,
    read_simple,
    wrong,
)
from tapwater_server.services.docs.service import DocsService, asker_of
from tapwater_server.services.docs.talking import Talk
from tapwater_server.services.docs.watching import Watching
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import (
    Answer,
    Conversation,
    Endpoint,
    Socket,
    Streamed,
    Who,
    always,
)

_EXPIRY = {
    "ttl": "seconds until the document ends; 0: it does not",
    "expires_at": "when it ends, in seconds since the epoch; 0: never",
}
_LIST = {
    "where": "conditions, with ; between: age>3;city==Ulm",
    "order_by": "fields, with commas between; -age is falling",
    "limit": "documents in a page, 1 to 1000",
    "after": "the cursor that the page before came with",
    "select": "only these fields",
    "group": "true: all collections of this name, wherever",
    "count": "true: only how many there are",
    "subscribe": "true: the documents, and then every change, as server-sent events",
    "token": "of a subscription: go on from there",
    "top": "of a subscription: only the first so many, all of them with each change",
    "format": "ndjson: the subscription as lines of JSON",
}
COUNTED_A_READ = 1000  # Documents that are counted cost as one read each thousand.
DATA_BYTES_MAX = 2 << 20  # As sent: a document of 1 MiB, with blanks between.


class GetAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which documents to read, at one moment."""

    paths: list[str]


class DocsHttp:
    """Answers requests about documents."""

    def __init__(
        self,
        *,
        service: DocsService,
        watching: Watching,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._service, self._watching = service, watching
        self._clock, self._ids = clock, ids

    def endpoints(self) -> Sequence[Endpoint]:
        """The table."""
        return (*self._single(), *self._many())

    def _single(self) -> Sequence[Endpoint]:
        path = "/docs/{path:path}"
        return (
            Endpoint(
                method="GET",
                path=path,
                says="Read a document, or list a collection; or subscribe to either.",
                handler=self.get,
                who=Who.ANYONE,
                query=_LIST,
                endless=_wants_stream,
            ),
            Endpoint(
                method="PUT",
                path=path,
                says="Write a whole document.",
                handler=self.put,
                who=Who.ANYONE,
                query=_EXPIRY,
                takes=dict[str, Any],
                body_bytes_max=DATA_BYTES_MAX,
            ),
            Endpoint(
                method="PATCH",
                path=path,
                says="Put fields into a document.",
                handler=self.patch,
                who=Who.ANYONE,
                query={
                    **_EXPIRY,
                    "create": "true: it need not be there yet",
                    "places": "true: names are places, such as address.city",
                },
                takes=dict[str, Any],
                body_bytes_max=DATA_BYTES_MAX,
            ),
            Endpoint(
                method="DELETE",
                path=path,
                says="Remove a document; its sub-collections stay.",
                handler=self.delete,
                who=Who.ANYONE,
                status=204,
            ),
            Endpoint(
                method="POST",
                path=path,
                says="Add a document to a collection, under a new id.",
                handler=self.post,
                who=Who.ANYONE,
                query=_EXPIRY,
                takes=dict[str, Any],
                status=201,
                body_bytes_max=DATA_BYTES_MAX,
            ),
        )

    def _many(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/docs-query",
                says="Find documents, or count them.",
                handler=self.query,
                who=Who.ANYONE,
                takes=QueryAsked,
            ),
            Endpoint(
                method="POST",
                path="/docs-get",
                says="Read several documents at one moment.",
                handler=self.get_many,
                who=Who.ANYONE,
                takes=GetAsked,
            ),
            Endpoint(
                method="POST",
                path="/docs-commit",
                says="Write several documents, all or none, if what was read is still so.",
                handler=self.commit,
                who=Who.ANYONE,
                takes=CommitAsked,
            ),
            Endpoint(
                method="GET",
                path="/docs-live",
                says="Subscribe to a query: server-sent events.",
                handler=self.live,
                who=Who.ANYONE,
                query={
                    "query": "the query as JSON",
                    "token": "go on from there",
                    "top": "only the first so many, all of them with each change",
                },
                media="text/event-stream",
                endless=always,
            ),
        )

    def sockets(self) -> Sequence[Socket]:
        """The WebSocket for any number of subscriptions."""
        return (
            Socket(
                path="/docs-live",
                says="Subscribe to documents, collections and queries, several at once.",
                handler=self.talk,
            ),
        )

    async def get(self, asked: Asked) -> Any:
        text = asked.params["path"]
        if _wants_stream(asked):
            return await self._watching.stream(asker_of(asked), _watched(asked, text), asked)
        if text.count("/") % 2 == 0:
            return await self._answer_query(asked, read_simple(asked.query, text))
        path = parse_doc_path(text)
        (found,) = await self._service.get(asker_of(asked), [path])
        asked.count("doc_reads")  # To look is to read, whether or not anything is there.
        if found is None:
            raise NotFound(f"there is no document {path}")
        headers = {"etag": found.etag}
        if found.etag in etags_of(asked.headers.get("if-none-match", "")):
            return Answer(None, status=304, headers=headers)
        return Answer(found.shown(), headers=headers)

    async def put(self, asked: Asked) -> Answer:
        return await self._write(asked, Kind.SET, condition_of(asked))

    async def patch(self, asked: Asked) -> Answer:
        condition = condition_of(asked)
        if asked.flag("places", default=False):
            return await self._write(asked, Kind.UPDATE, condition)
        if not asked.flag("create", default=False) and condition.exists is None:
            condition = Condition(exists=True, version=condition.version)
        return await self._write(asked, Kind.MERGE, condition)

    async def delete(self, asked: Asked) -> None:
        path = parse_doc_path(asked.params["path"])
        write = Write(kind=Kind.DELETE, path=path, condition=condition_of(asked))
        await self._commit(asked, write)

    async def post(self, asked: Asked) -> Answer:
        collection = parse_collection(asked.params["path"])
        asked.params = {"path": f"{collection}/{self._ids.fresh()}"}
        answer = await self._write(asked, Kind.SET, Condition(exists=False))
        # Relative to what was asked: a proxy may have another name for us.
        location = {"location": f"{quote(name_of(collection))}/{answer.value['id']}"}
        return Answer(answer.value, status=201, headers={**answer.headers, **location})

    async def _write(self, asked: Asked, kind: Kind, condition: Condition) -> Answer:
        path = parse_doc_path(asked.params["path"])
        ttl = asked.number("ttl", low=0, high=EXPIRES_MAX)
        expires_at = asked.number("expires_at", low=0, high=EXPIRES_MAX)
        write = Write(
            kind=kind,
            path=path,
            data=read_data(await asked.raw(bytes_max=DATA_BYTES_MAX)),
            condition=condition,
            expires_at=read_expiry(ttl, expires_at, now=self._clock.now()),
        )
        written = await self._commit(asked, write)
        assert written is not None
        return Answer(written.shown(), headers={"etag": written.etag})

    async def _commit(self, asked: Asked, write: Write) -> Document | None:
        """Do one write.

        Raises:
            PreconditionFailed: If-Match or If-None-Match does not hold.
        """
        try:
            (written,) = await self._service.commit(asker_of(asked), [write])
        except Unmet as error:
            raise PreconditionFailed(error.message) from None
        except NotFound as error:
            if asked.headers.get("if-match", "").strip() == "*":
                raise PreconditionFailed(error.message) from None
            raise
        count_writes(asked, [write])
        return written

    async def query(self, asked: Asked) -> Any:
        return await self._answer_query(asked, await asked.body(QueryAsked))

    async def _answer_query(self, asked: Asked, wanted: QueryAsked) -> Answer:
        query = read_query(wanted)
        if wanted.count:
            counted = await self._service.count(asker_of(asked), query)
            asked.count("doc_reads", max(1, ceil(counted.count / COUNTED_A_READ)))
            return _advised({"count": counted.count}, counted.advice)
        page = await self._service.find(asker_of(asked), query)
        asked.count("doc_reads", max(1, len(page.documents)))
        return _advised(_shown(page), page.advice)

    async def get_many(self, asked: Asked) -> dict[str, Any]:
        wanted = await asked.body(GetAsked)
        if len(wanted.paths) > PATHS_MAX:
            raise wrong("paths", f"at most {PATHS_MAX}")
        paths = [parse_doc_path(each) for each in wanted.paths]
        found = await self._service.get(asker_of(asked), paths)
        asked.count("doc_reads", len(paths))
        return {"documents": [each.shown() if each else None for each in found]}

    async def commit(self, asked: Asked) -> dict[str, Any]:
        writes, reads = read_commit(await asked.body(CommitAsked), now=self._clock.now())
        written = await self._service.commit(asker_of(asked), writes, reads)
        count_writes(asked, writes)
        return {"written": [_meta(each) if each else None for each in written]}

    async def live(self, asked: Asked) -> Streamed:
        return await self._watching.stream(asker_of(asked), _query_of(asked), asked)

    async def talk(self, asked: Asked, conversation: Conversation) -> None:
        await Talk(
            watching=self._watching,
            asker=asker_of(asked),
            conversation=conversation,
            count=partial(asked.count, "doc_reads"),
        ).run()


def _wants_stream(asked: Asked) -> bool:
    accepts = asked.headers.get("accept", "")
    return asked.flag("subscribe", default=False) or accepts.startswith("text/event-stream")


def _watched(asked: Asked, text: str) -> DocPath | Query:
    if text.count("/") % 2:
        return parse_doc_path(text)
    return read_query(read_simple(asked.query, text))


def _query_of(asked: Asked) -> Query:
    try:
        wanted = msgspec.json.decode(asked.text("query") or "", type=QueryAsked)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise wrong("query", f"must be a query as JSON: {error}") from None
    return read_query(wanted)


def _shown(page: Page) -> dict[str, Any]:
    return {"documents": [each.shown() for each in page.documents], "after": page.after}


def _advised(value: dict[str, Any], advice: Index | None) -> Answer:
    """Add which index would serve a query that none does."""
    if advice is None:
        return Answer(value)
    said = {
        "index": {
            "collection": advice.name,
            "fields": [str(each) for each in advice.fields],
            "group": advice.group,
        },
        "says": "no index serves this query; it is answered by looking at each document",
        "toml": write_entry(advice),
        "command": _command(advice),
    }
    header = "".join(c if c.isascii() and c.isprintable() else "?" for c in advice.id)
    return Answer({**value, "advice": said}, headers={"tapwater-advice": f"index {header}"})


def _command(index: Index) -> str:
    """Write what makes the index, for a shell."""
    fields = [str(each) for each in index.fields]
    options = ["--group"] if index.group else []
    if any(each.startswith("-") for each in fields):
        options.append("--")  # What follows is no option.
    return shlex.join(["tapwater", "docs", "indexes", "add", *options, index.name, *fields])


def _meta(document: Document) -> dict[str, Any]:
    shown = document.shown()
    del shown["data"]
    return shown
