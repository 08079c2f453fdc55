"""Uploads in parts: begun, sent in any order and at the same time, then made one blob."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from tapwater_server.model.blob import (
    BLOB_BYTES_MAX,
    PARTS_MAX,
    About,
    Blob,
    Cause,
    Draft,
    Part,
    Upload,
)
from tapwater_server.model.blob_conditions import ALWAYS, Condition
from tapwater_server.model.blob_names import check_about
from tapwater_server.model.errors import Conflict, Invalid, NotFound, TooLarge
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import BlobFacts, Completion, Naming
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.blobs.digests import Digests, joined_checksum, joined_etag
from tapwater_server.services.blobs.service import ANY_TERMS, Terms, check
from tapwater_server.services.blobs.streams import Streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What of a blob made of parts is not as its parts and its beginning say."""

    checksum: str = ""  # to be made of those of the parts, which all have it
    whole: bool = False  # of the content; else, as in S3, of the checksums of the parts
    about: About | None = None
    judge: Callable[[Draft], None] | None = None  # raises if it may not be completed


class Uploads:
    """Nothing of an upload is seen before ``complete()``."""

    def __init__(self, *, facts: BlobFacts, streams: Streams, clock: Clock, ids: IdSource) -> None:
        self._facts, self._streams = facts, streams
        self._clock, self._ids = clock, ids

    async def begin(self, app: AppId, naming: Naming, *, about: About) -> Upload:
        check(naming)
        upload = Upload(
            id=self._ids.fresh(),
            bucket=naming.bucket,
            key=naming.key,
            begun_at=self._clock.now(),
            about=check_about(about),
        )
        await self._facts.begin(app, upload)
        return upload

    async def find(self, app: AppId, id: str) -> Upload:
        """Look at one.

        Raises:
            NotFound: it is over, or never was.
        """
        upload = await self._facts.upload(app, id)
        if upload is None:
            raise _over()
        return upload

    async def list(
        self, app: AppId, bucket: str, *, prefix: str = "", after: str = "", count_max: int
    ) -> Sequence[Upload]:
        return await self._facts.uploads(
            app, bucket, prefix=prefix, after=after, count_max=count_max
        )

    async def parts(self, app: AppId, upload: str) -> Sequence[Part]:
        return await self._facts.parts(app, upload)

    async def put_part(
        self,
        app: AppId,
        upload: str,
        number: int,
        chunks: AsyncIterator[bytes],
        *,
        terms: Terms = ANY_TERMS,
    ) -> Part:
        """Take one part; one sent again takes the place of the one before.

        Raises:
            NotFound: the upload is over.
            Invalid, TooLarge, StorageFull: the part was not kept.
        """
        if not 1 <= number <= PARTS_MAX:
            raise Invalid(f"parts are numbered from 1 to {PARTS_MAX}")
        digests = Digests({*terms.wanted, *terms.expected})
        piece = await self._streams.take(chunks, digests, bytes_max=terms.bytes_max)
        part = Part(
            number=number,
            size=piece.size,
            etag=digests.etag,
            piece=piece,
            checksums=digests.checksums,
        )
        try:
            digests.check(terms.expected)
            if terms.judge is not None:
                terms.judge(_as_draft(part))
            kept = await self._facts.put_part(app, upload, part)
        except Exception:
            # Not for a cancellation: the facts may be on disk already. The sweep knows.
            await self._streams.drop(piece)
            raise
        if not kept:
            await self._streams.drop(piece)
            raise _over()
        return part

    async def complete(
        self,
        app: AppId,
        upload: str,
        parts: Sequence[tuple[int, str]],
        *,
        condition: Condition = ALWAYS,
        joining: Joining = Joining(),
        cause: Cause,
    ) -> Blob:
        """Make one blob of the parts that are named, or of all that came if none is.

        ``joining`` says what is known of the whole beside what its parts say.

        Raises:
            NotFound: the upload is over.
            Conflict: a part is missing, or another one than is named.
            TooLarge: together they are too many bytes.
        """
        there = await self._facts.parts(app, upload)
        chosen = list(parts) or [(part.number, part.etag) for part in there]
        numbers = [number for number, _ in chosen]
        if numbers != sorted(set(numbers)):
            raise Invalid("parts are named once each, by rising number")
        if not chosen:
            raise Conflict("an upload without parts cannot be completed: store an empty blob")
        if sum(part.size for part in there if part.number in set(numbers)) > BLOB_BYTES_MAX:
            raise TooLarge(f"a blob has {BLOB_BYTES_MAX} bytes at most")
        known = {(part.number, part.etag) for part in there}
        if not set(chosen) <= known:
            raise Conflict("a part is not there, or is not the one that is named")
        joined = ""
        if joining.checksum:
            named = {part.number: part for part in there}
            joined = joined_checksum(
                joining.checksum, [named[number] for number in numbers], whole=joining.whole
            )
        completion = Completion(
            upload=upload,
            parts=chosen,
            etag=joined_etag([etag for _, etag in chosen]),
            checksums={joining.checksum: joined} if joined else {},
            about=None if joining.about is None else check_about(joining.about),
        )
        if joining.judge is not None:
            joining.judge(_whole(completion, there))
        blob = await self._facts.complete(app, completion, condition=condition, cause=cause)
        if blob is None:
            raise _over()
        return blob

    async def abort(self, app: AppId, upload: str) -> None:
        """End it without a blob.

        Raises:
            NotFound: it is over already.
        """
        if not await self._facts.abort(app, upload):
            raise _over()


def _whole(completion: Completion, parts: Sequence[Part]) -> Draft:
    named = {number for number, _ in completion.parts}
    return Draft(
        bucket="",
        key="",
        size=sum(part.size for part in parts if part.number in named),
        etag=completion.etag,
        checksums=completion.checksums,
    )


def _as_draft(part: Part) -> Draft:
    """A part, as what judges a whole sees it."""
    return Draft(bucket="", key="", size=part.size, etag=part.etag, checksums=part.checksums)


def _over() -> NotFound:
    return NotFound("there is no such upload: it was completed or aborted, or has expired")
