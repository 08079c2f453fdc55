"""Out and in as NDJSON: ``{"path": "users/42", "data": {...}}`` on each line."""

from collections.abc import AsyncIterator, Callable

import msgspec

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.document.query import Query
from tapwater_server.model.document.write import Kind, Write, check_data
from tapwater_server.model.errors import Invalid, TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.services.docs.reading import read_expiry
from tapwater_server.services.docs.service import Asker, DocsService

NDJSON = "application/x-ndjson"
LINE_BYTES_MAX = 2 << 20
IMPORT_BYTES_MAX = 1 << 40  # A terabyte: it is never in memory.
BATCH_MAX = 200  # Lines in one commit.
BATCH_BYTES_MAX = 4 << 20
Count = Callable[[int], None]  # Hears of documents read or written, for the bill.


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One document on its way. What else is on a line is not looked at."""

    path: str
    data: dict[str, object]
    expires_at: float = 0.0


async def export(
    service: DocsService, app: AppId, query: Query | None, *, count: Count
) -> AsyncIterator[bytes]:
    """Give all documents, or those of one query, by collection and id.

    Each page is of one moment; the whole is not.
    """
    if query is not None:
        async for chunk in _of_query(service, app, query, count):
            yield chunk
        return
    after = ""
    while True:
        collections = await service.documents.collections(app, deep=True, after=after)
        for collection in collections:
            async for chunk in _of_query(service, app, Query(collection=collection), count):
                yield chunk
        if not collections:
            return
        after = collections[-1]


async def _of_query(
    service: DocsService, app: AppId, query: Query, count: Count
) -> AsyncIterator[bytes]:
    async for page in service.pages(app, query):
        count(len(page.documents))
        yield b"".join(map(_line, page.documents))


def _line(document: Document) -> bytes:
    # The data are copied as they stand: nothing is read, nothing can change.
    head = b'{"path":' + msgspec.json.encode(str(document.path)) + b',"data":' + document.raw
    end = b',"expires_at":%r' % document.expires_at if document.expires_at else b""
    return head + end + b"}\n"


async def import_(
    service: DocsService, asker: Asker, chunks: AsyncIterator[bytes], *, count: Count
) -> int:
    """Write what comes, in batches that are each whole or not at all; say how many documents.

    Doing it again is harmless: documents are written whole, at their paths.

    Raises:
        Invalid: a line is wrong. The batches before it are written, its own is not.
    """
    batch: list[Write] = []
    done = size = 0
    async for number, raw in _lines(chunks):
        try:
            batch.append(_write(raw))
        except TapwaterError as error:
            what = f"{error.message}; {done} documents before it were imported"
            where = f"line {number}"
            raise Invalid(f"{where}: {what}", problems=({"where": where, "what": what},)) from None
        size += len(raw)
        if len(batch) >= BATCH_MAX or size >= BATCH_BYTES_MAX:
            await service.commit(asker, batch)
            count(len(batch))
            done, batch, size = done + len(batch), [], 0
    if batch:
        await service.commit(asker, batch)
        count(len(batch))
    return done + len(batch)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    number, rest = 0, b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            if line.strip():
                yield number, line
        if len(rest) > LINE_BYTES_MAX:
            raise Invalid(f"line {number + 1} has more than {LINE_BYTES_MAX} bytes")
    if rest.strip():
        yield number + 1, rest


def _write(raw: bytes) -> Write:
    try:
        line = msgspec.json.decode(raw, type=Line)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Invalid(f"is not a document as JSON: {error}") from None
    check_data(line.data)
    return Write(
        kind=Kind.SET,
        path=parse_doc_path(line.path),
        data=line.data,
        expires_at=read_expiry(None, line.expires_at, now=0.0),
    )
