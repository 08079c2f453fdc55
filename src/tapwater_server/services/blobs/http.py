"""The API of blobs: /blobs/{bucket}/{key}. What is about buckets, uploads and signatures is
in the files beside this one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tapwater_server.model.blob import BLOB_BYTES_MAX, Blob, Cause, Draft
from tapwater_server.model.blob_conditions import Condition, Verdict, judge_read
from tapwater_server.model.errors import NotAllowed, NotFound, PreconditionFailed
from tapwater_server.ports.blobs import Held, Naming
from tapwater_server.services.blobs.headers import (
    VERSION,
    about_of,
    condition_of,
    expected_of,
    written,
)
from tapwater_server.services.blobs.permits import Permits, declared_size
from tapwater_server.services.blobs.ranges import read_range
from tapwater_server.services.blobs.service import Blobs, Terms, check
from tapwater_server.services.blobs.shapes import Changes, changed, say_blob
from tapwater_server.services.blobs.signing import Grant
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Streamed, Who
from tapwater_server.web.safety import refuse_to_run, safe_headers

_PATH = "/blobs/{bucket}/{key:path}"
_PRIVATE = "private, no-cache"  # Ask again each time, as rules may have changed meanwhile.
_BYTES = "application/octet-stream"


class BlobsApi:
    """Translates; the service decides."""

    def __init__(self, *, blobs: Blobs, permits: Permits) -> None:
        self._blobs, self._permits = blobs, permits

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path=_PATH,
                says="Read a blob, whole or a range; with ?facts=true what is known of it.",
                handler=self._get,
                who=Who.ANYONE,
                query={"version": "an old version", "facts": "true: its facts as JSON"},
                media=_BYTES,
            ),
            Endpoint(
                method="PUT",
                path=_PATH,
                says="Store a blob; nobody sees it before all of it is on disk.",
                handler=self._put,
                who=Who.ANYONE,
                takes_media=_BYTES,
                status=201,
                body_bytes_max=BLOB_BYTES_MAX,
            ),
            Endpoint(
                method="PATCH",
                path=_PATH,
                says="Say something else about a blob; its content stays.",
                handler=self._patch,
                takes=Changes,
                query={"version": "an old version"},
            ),
            Endpoint(
                method="DELETE",
                path=_PATH,
                says="Delete a blob, or one version of it.",
                handler=self._delete,
                who=Who.ANYONE,
                query={"version": "this version, for good"},
            ),
        )

    async def _get(self, asked: Asked) -> Any:
        naming = naming_of(asked)
        grant = self._permits.grant(asked, naming.bucket, naming.key)
        asked.count("blob_reads")
        asked.bytes_out = "blob_bytes_out"
        held = await self._blobs.stat(asked.app, naming)
        if grant is None:
            self._permits.read(asked, held.blob)
        refuse_to_run(asked.headers.get("sec-fetch-dest", ""))
        if asked.flag("facts", default=False):
            return say_blob(held.blob)
        return self._answer(asked, held, disposition=grant.disposition if grant else "")

    def _answer(self, asked: Asked, held: Held, *, disposition: str) -> Answer | Streamed:
        blob = held.blob
        headers = {
            "cache-control": _PRIVATE,
            **written(blob),
            **safe_headers(blob, disposition=disposition),
            "content-type": blob.about.content_type,
        }
        verdict = judge_read(condition_of(asked.headers), blob)
        if verdict is Verdict.FAILED:
            raise PreconditionFailed("the blob is not what the condition names")
        if verdict is Verdict.UNCHANGED:
            return Answer(None, 304, headers)
        stretch = _stretch(asked, blob)
        start, stop = stretch or (0, blob.size)
        headers["content-length"] = str(stop - start)
        if stretch is not None:
            headers["content-range"] = f"bytes {start}-{stop - 1}/{blob.size}"
        status = 206 if stretch else 200
        little = _little(held)
        if little is not None:
            return Answer(little[start:stop], status, headers)
        return Streamed(self._blobs.read(held, start=start, stop=stop), status, headers)

    async def _put(self, asked: Asked) -> Answer:
        naming = naming_of(asked)
        check(naming)
        grant = self._permits.grant(asked, naming.bucket, naming.key)
        terms = await self._terms(asked, naming, grant)
        blob = await self._blobs.put(
            asked.app,
            naming,
            asked.chunks(),
            about=about_of(asked.headers),
            terms=terms,
            cause=cause_of(asked),
        )
        count_stored(asked, blob.size)
        return stored(blob)

    async def _terms(self, asked: Asked, naming: Naming, grant: Grant | None) -> Terms:
        """Say on which terms content is taken from who asks.

        Raises:
            NotAllowed: on none.
        """
        condition, expected = condition_of(asked.headers), expected_of(asked.headers)
        if grant is not None:
            return _granted(asked, grant, condition, expected)
        if not self._permits.binds(asked):
            return Terms(condition=condition, expected=expected)
        held = await self._blobs.find(asked.app, naming)
        old = held.blob if held else None
        size = declared_size(asked)

        def judge(draft: Draft) -> None:
            self._permits.write(asked, draft, old)

        # Once by what is announced, before a byte is taken, and once by what came.
        judge(_announced(naming, asked, size))
        return Terms(
            condition=unless_changed(condition, old),
            expected=expected,
            bytes_max=size,
            judge=judge,
        )

    async def _patch(self, asked: Asked) -> dict[str, Any]:
        naming = naming_of(asked)
        changes = await asked.body(Changes)
        held = await self._blobs.stat(asked.app, naming)
        condition = condition_of(asked.headers)
        about = changed(held.blob.about, changes)
        blob = await self._blobs.describe(asked.app, naming, about, condition=condition)
        asked.count("blob_writes")
        return say_blob(blob)

    async def _delete(self, asked: Asked) -> Answer:
        naming = naming_of(asked)
        condition = condition_of(asked.headers)
        if self._permits.binds(asked):
            if naming.version:
                raise NotAllowed("old versions are deleted by the app, not by its users")
            held = await self._blobs.stat(asked.app, naming)
            self._permits.delete(asked, held.blob)
            condition = unless_changed(condition, held.blob)
        deleted = await self._blobs.delete(
            asked.app, naming, condition=condition, cause=cause_of(asked)
        )
        if deleted is None:
            raise NotFound(f"there is no blob {naming.bucket}/{naming.key}")
        headers = {VERSION: deleted.version}
        if deleted.marker:
            headers["tapwater-delete-marker"] = "true"
        return Answer(None, 204, headers)


def naming_of(asked: Asked) -> Naming:
    """Say which blob a path and query mean."""
    return Naming(
        bucket=asked.params["bucket"],
        key=asked.params["key"],
        version=asked.text("version") or "",
    )


def cause_of(asked: Asked) -> Cause:
    """A function's changes belong to the chain that it is part of."""
    caller = asked.caller
    if caller is None:
        return Cause(trace=asked.trace)
    trace = asked.trace or caller.traceparent.decode("latin-1")
    return Cause(root=caller.root or caller.id, depth=caller.depth + 1, trace=trace)


def count_stored(asked: Asked, size: int) -> None:
    """Note an object, or a part of one, that was stored."""
    asked.count("blob_writes")
    if size:
        asked.count("blob_bytes_in", size)


def stored(blob: Blob) -> Answer:
    headers = {"etag": f'"{blob.etag}"', VERSION: blob.version}
    return Answer(say_blob(blob), 201, headers)


def _announced(naming: Naming, asked: Asked, size: int) -> Draft:
    about = about_of(asked.headers)
    return Draft(bucket=naming.bucket, key=naming.key, size=size, etag="", about=about)


def _granted(asked: Asked, grant: Grant, condition: Condition, expected: dict[str, str]) -> Terms:
    """The terms of a signed URL."""
    said = asked.headers.get("content-type", "")
    if grant.content_type and said != grant.content_type:
        raise NotAllowed(f"this signed URL takes {grant.content_type} and nothing else")
    return Terms(
        condition=condition, expected=expected, bytes_max=grant.bytes_max or BLOB_BYTES_MAX
    )


def unless_changed(condition: Condition, old: Blob | None) -> Condition:
    """Rules have judged what was there: it must still be that when the change is made."""
    if old is None:
        return replace(condition, none_match=("*",))
    return replace(condition, match=condition.match or (old.etag,))


def _little(held: Held) -> bytes | None:
    """Content that came with its facts goes out in one go."""
    if any(piece.name for piece in held.pieces) or len(held.pieces) > 1:
        return None
    return b"".join(piece.data for piece in held.pieces)


def _stretch(asked: Asked, blob: Blob) -> tuple[int, int] | None:
    """The range that is asked for, unless If-Range names something else than what is there."""
    said = asked.headers.get("range", "")
    if not said or blob.size == 0:  # Of nothing there are no ranges: the whole is sent.
        return None
    only_if = asked.headers.get("if-range", "")
    if only_if and only_if not in {f'"{blob.etag}"', written(blob)["last-modified"]}:
        return None
    return read_range(said, blob.size)
