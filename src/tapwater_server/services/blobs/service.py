"""Blobs as a service: the facts and the bytes joined. Knows neither HTTP nor who may do what."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tapwater_server.model.blob import (
    BLOB_BYTES_MAX,
    About,
    Blob,
    Bucket,
    Cause,
    Draft,
    Page,
    Piece,
)
from tapwater_server.model.blob_conditions import ALWAYS, Condition
from tapwater_server.model.blob_names import check_about, parse_bucket, parse_key
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import PAGE_MAX, BlobFacts, Deleted, Held, Listing, Naming
from tapwater_server.ports.clock import Clock
from tapwater_server.services.blobs.digests import Digests
from tapwater_server.services.blobs.streams import Streams

DELETE_MAX = 1_000  # Blobs in one call, as in S3.


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms content is taken."""

    condition: Condition = ALWAYS
    expected: Mapping[str, str] = field(default_factory=dict)  # checksum -> hex
    wanted: Collection[str] = ()  # checksums to be kept
    bytes_max: int = BLOB_BYTES_MAX
    judge: Callable[[Draft], None] | None = None  # raises if the whole may not be kept


ANY_TERMS = Terms()


class Blobs:
    """See docs/guides/blobs.md; the S3 room is to be as thin above this as services/blobs/http."""

    def __init__(self, *, facts: BlobFacts, streams: Streams, clock: Clock) -> None:
        self._facts, self._streams, self._clock = facts, streams, clock

    @property
    def facts(self) -> BlobFacts:
        """For who puts more together on the same: uploads in parts, other interfaces."""
        return self._facts

    @property
    def streams(self) -> Streams:
        """See ``facts``: what is being read must be known in one place."""
        return self._streams

    async def put_bucket(self, app: AppId, bucket: Bucket) -> bool:
        """Make a bucket or change its settings; True: it is new."""
        parse_bucket(bucket.name)
        made = Bucket(
            name=bucket.name,
            created_at=self._clock.now(),
            versioning=bucket.versioning,
            lifecycle=bucket.lifecycle,
        )
        return await self._facts.put_bucket(app, made)

    async def drop_bucket(self, app: AppId, name: str) -> bool:
        return await self._facts.drop_bucket(app, name)

    async def bucket(self, app: AppId, name: str) -> Bucket:
        """Look at one.

        Raises:
            NotFound: there is none of that name.
        """
        bucket = await self._facts.bucket(app, name)
        if bucket is None:
            raise NotFound(f"there is no bucket {name[:80]}")
        return bucket

    async def buckets(self, app: AppId) -> Sequence[Bucket]:
        return await self._facts.buckets(app)

    async def usage(self, app: AppId, bucket: str) -> tuple[int, int]:
        return await self._facts.usage(app, bucket)

    async def put(
        self,
        app: AppId,
        naming: Naming,
        chunks: AsyncIterator[bytes],
        *,
        about: About,
        terms: Terms = ANY_TERMS,
        cause: Cause,
    ) -> Blob:
        """Store content under a key; before all of it is on disk nobody sees any of it.

        Raises:
            Invalid: a name, or a checksum that does not fit.
            PreconditionFailed, TooLarge, StorageFull: nothing was kept.
        """
        check(naming)
        check_about(about)
        digests = Digests({*terms.wanted, *terms.expected})
        piece = await self._streams.take(chunks, digests, bytes_max=terms.bytes_max)
        try:
            digests.check(terms.expected)
            draft = Draft(
                bucket=naming.bucket,
                key=naming.key,
                size=piece.size,
                etag=digests.etag,
                pieces=whole(piece),
                about=about,
                checksums=digests.checksums,
            )
            if terms.judge is not None:
                terms.judge(draft)
            return await self._facts.store(app, draft, condition=terms.condition, cause=cause)
        except Exception:
            # Not for a cancellation: the facts may be on disk already. The sweep knows.
            await self._streams.drop(piece)
            raise

    async def find(self, app: AppId, naming: Naming) -> Held | None:
        """Look one up; a deletion's marker is nothing."""
        held = await self._facts.find(app, naming)
        return None if held is None or held.blob.marker else held

    async def stat(self, app: AppId, naming: Naming) -> Held:
        """Look one up.

        Raises:
            NotFound: there is none.
        """
        held = await self.find(app, naming)
        if held is None:
            raise NotFound(f"there is no blob {naming.bucket}/{naming.key}")
        return held

    def read(self, held: Held, *, start: int, stop: int) -> AsyncIterator[bytes]:
        return self._streams.give(held, start=start, stop=stop)

    async def list(self, app: AppId, listing: Listing) -> Page:
        if listing.count_max == 0:
            return Page()
        _check_page(listing)
        return await self._facts.list(app, listing)

    async def versions(self, app: AppId, listing: Listing, *, after_version: str = "") -> Page:
        _check_page(listing)
        return await self._facts.versions(app, listing, after_version=after_version)

    async def delete(
        self,
        app: AppId,
        naming: Naming,
        *,
        condition: Condition = ALWAYS,
        force: bool = False,
        cause: Cause,
    ) -> Deleted | None:
        """Delete one; ``force`` is for locks that yield.

        Raises:
            NotAllowed: it is locked.
        """
        return await self._facts.delete(app, naming, condition=condition, force=force, cause=cause)

    async def copy(
        self,
        app: AppId,
        source: Naming,
        to: Naming,
        *,
        about: About | None = None,
        source_condition: Condition = ALWAYS,
        condition: Condition = ALWAYS,
        cause: Cause,
    ) -> Blob:
        """Store the same content under another key, without copying a byte."""
        check(to)
        if about is not None:
            check_about(about)
        return await self._facts.copy(
            app,
            source,
            to,
            about=about,
            source_condition=source_condition,
            condition=condition,
            cause=cause,
        )

    async def describe(
        self, app: AppId, naming: Naming, about: About, *, condition: Condition = ALWAYS
    ) -> Blob:
        """Say something else about a blob.

        Raises:
            NotFound: there is none.
        """
        check_about(about)
        blob = await self._facts.describe(app, naming, about, condition=condition)
        if blob is None:
            raise NotFound(f"there is no blob {naming.bucket}/{naming.key}")
        return blob

    async def erase(self, app: AppId) -> None:
        await self._facts.erase(app)


def check(naming: Naming) -> None:
    """Let pass names that can be stored under.

    Raises:
        Invalid: it is none.
    """
    parse_bucket(naming.bucket)
    parse_key(naming.key)


def _check_page(listing: Listing) -> None:
    if not 1 <= listing.count_max <= PAGE_MAX:
        raise Invalid(f"a page has from 1 to {PAGE_MAX} entries")


def whole(piece: Piece) -> tuple[Piece, ...]:
    """What content of one piece is made of; empty content is made of nothing."""
    return (piece,) if piece.size else ()
