"""The facts of blobs: what is called how, and which pieces of bytes it is made of.

The bytes themselves lie behind ``ports/blob_bytes.py``; services/blobs joins the two.

BLB-1  A blob is there whole, with its facts, pieces and event, or not at all; store(), delete(),
       copy() and complete() are durable before they return.
BLB-2  A condition is judged and obeyed in one step: of many who store one key with none_match
       "*", one succeeds.
BLB-3  Where a bucket keeps no versions, what is stored replaces what was there; where it does,
       everything stays under its own version until that version is deleted, and delete() without
       a version hides the key behind a marker. Deleting the current version shows the one before.
BLB-4  A listing gives each key once, by rising code points; what neither came nor went meanwhile
       is on exactly one of its pages. A delimiter folds what shares a prefix into one entry.
BLB-5  A piece is named by garbage() from when the last blob or part that holds it went until
       forget(); never while one holds it.
BLB-6  Events follow what a reader without a version sees: stored when other content appears at a
       key, deleted when there is none any more; in one transaction with the change.
BLB-7  Parts are not seen until complete() makes one blob of those it names, in order of number;
       complete() and abort() end an upload once and for all. A part sent twice counts once.
BLB-8  Buckets and apps are apart. drop_bucket() of one that holds a version or an upload is
       refused. The first blob makes its bucket, up to BUCKETS_MAX of an app.
BLB-9  aged() gives what was stored, or replaced, and stale() what was begun before a moment, and
       nothing else.
BLB-10 erase() leaves nothing of an app but garbage.
BLB-11 delete() of a version that is locked is refused, and changes nothing; a lock that yields
       does so to ``force``. A marker may hide it. erase() knows no locks.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tapwater_server.model.blob import (
    About,
    Blob,
    Bucket,
    Cause,
    Draft,
    Page,
    Part,
    Piece,
    Upload,
)
from tapwater_server.model.blob_conditions import ALWAYS, Condition, Verdict, judge_read
from tapwater_server.model.errors import NotAllowed, NotFound, PreconditionFailed
from tapwater_server.model.ids import AppId

BUCKETS_MAX = 1_000  # Of one app.
UPLOADS_MAX = 10_000  # Begun and not ended, of one app.
PAGE_MAX = 1_000  # Entries of one page of a listing, as in S3.


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A blob and what it is made of, in order."""

    blob: Blob
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which keys are wanted. ``after`` is ``Page.next`` of the page before, or any key."""

    bucket: str
    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    count_max: int = PAGE_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What a deletion did: the version that went, or of the marker that was set."""

    version: str
    marker: bool = False  # ``version`` is that of a marker


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Which blob is meant; no version means the current one."""

    bucket: str
    key: str
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """Which blobs below a prefix have had their time. One of the moments is given."""

    bucket: str
    prefix: str = ""
    stored_before: float | None = None  # current ones
    replaced_before: float | None = None  # old ones, and markers that hide nothing any more
    markers_before: float | None = None  # markers alone that hide nothing any more
    keep_old_max: int = 0  # the newest so many old versions of each key stay
    tags: Mapping[str, str] = field(default_factory=dict)  # all of these; markers have none
    size_over: int = -1  # bytes
    size_under: int = 0  # bytes; 0: any
    count_max: int = PAGE_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Which parts make the blob (number and ETag, rising), and what is known of the whole."""

    upload: str
    parts: Sequence[tuple[int, str]]
    etag: str
    checksums: Mapping[str, str]
    about: About | None = None  # None: as it was begun


class BlobFacts(Protocol):
    """See the promises above."""

    async def put_bucket(self, app: AppId, bucket: Bucket) -> bool:
        """Make a bucket, or change its settings; True: it is new.

        Raises:
            Conflict: versioning was on and can only be suspended, or there are too many buckets.
        """
        ...

    async def drop_bucket(self, app: AppId, name: str) -> bool:
        """Remove an empty bucket; False: there is none.

        Raises:
            Conflict: it holds something.
        """
        ...

    async def bucket(self, app: AppId, name: str) -> Bucket | None: ...

    async def buckets(self, app: AppId) -> Sequence[Bucket]: ...

    async def living(self) -> Sequence[tuple[AppId, Bucket]]:
        """Give all buckets that have a lifecycle."""
        ...

    async def store(
        self, app: AppId, draft: Draft, *, condition: Condition = ALWAYS, cause: Cause
    ) -> Blob:
        """Make a blob visible.

        Raises:
            PreconditionFailed: the condition does not hold.
        """
        ...

    async def find(self, app: AppId, naming: Naming) -> Held | None:
        """Look one up. Without a version a deleted one is None; with one, it may be a marker."""
        ...

    async def list(self, app: AppId, listing: Listing) -> Page: ...

    async def versions(self, app: AppId, listing: Listing, *, after_version: str = "") -> Page:
        """List all versions and markers, by key and then the newest first. ``next`` is the key
        and the version of the last one, with a NUL between.
        """
        ...

    async def delete(
        self,
        app: AppId,
        naming: Naming,
        *,
        condition: Condition = ALWAYS,
        force: bool = False,
        cause: Cause,
    ) -> Deleted | None:
        """Delete one; None: there was nothing to delete. The condition is on what is named.

        Raises:
            NotAllowed: it is locked.
        """
        ...

    async def copy(
        self,
        app: AppId,
        source: Naming,
        to: Naming,
        *,
        about: About | None = None,  # None: as the source's
        source_condition: Condition = ALWAYS,
        condition: Condition = ALWAYS,
        cause: Cause,
    ) -> Blob:
        """Store the same pieces again, in one step.

        Raises:
            NotFound: there is no such source.
            PreconditionFailed: a condition does not hold.
        """
        ...

    async def describe(
        self, app: AppId, naming: Naming, about: About, *, condition: Condition = ALWAYS
    ) -> Blob | None:
        """Say something else about a version, in its place; no event, as the content stays."""
        ...

    async def begin(self, app: AppId, upload: Upload) -> None:
        """Begin an upload.

        Raises:
            Overloaded: the app has too many already.
        """
        ...

    async def upload(self, app: AppId, id: str) -> Upload | None: ...

    async def uploads(
        self, app: AppId, bucket: str, *, prefix: str = "", after: str = "", count_max: int
    ) -> Sequence[Upload]:
        """List by rising id."""
        ...

    async def stale(self, *, before: float, count_max: int) -> Sequence[tuple[AppId, Upload]]:
        """List uploads of all apps that were begun before a moment."""
        ...

    async def put_part(self, app: AppId, upload: str, part: Part) -> bool:
        """Keep a part; False: the upload is over."""
        ...

    async def parts(self, app: AppId, upload: str) -> Sequence[Part]: ...

    async def complete(
        self,
        app: AppId,
        completion: Completion,
        *,
        condition: Condition = ALWAYS,
        cause: Cause,
    ) -> Blob | None:
        """Make one blob of the parts; None: the upload is over.

        Raises:
            Conflict: a part is not there, or is not the one that is named.
            PreconditionFailed: the condition does not hold; the upload goes on.
        """
        ...

    async def abort(self, app: AppId, upload: str) -> bool: ...

    async def aged(self, app: AppId, aged: Aged) -> Sequence[Blob]: ...

    async def usage(self, app: AppId, bucket: str) -> tuple[int, int]:
        """Count versions and their bytes."""
        ...

    async def garbage(self, *, before: float, count_max: int) -> Sequence[str]:
        """Name pieces that nothing has held since ``before``."""
        ...

    async def forget(self, pieces: Collection[str]) -> None:
        """Their bytes are gone."""
        ...

    async def strangers(self, pieces: Collection[str]) -> Sequence[str]:
        """Say which of these neither is held nor garbage."""
        ...

    async def erase(self, app: AppId) -> None: ...


def check_unlocked(blob: Blob, *, at: float, force: bool) -> None:
    """Let a version be deleted, if nothing locks it.

    Raises:
        NotAllowed: it is locked.
    """
    lock = blob.about.lock
    if lock is None:
        return
    if lock.held or (lock.until > at and not (lock.yields and force)):
        raise NotAllowed("this version is locked", key=blob.key, version=blob.version)


def draft_of_copy(
    held: Held | None, to: Naming, about: About | None, condition: Condition
) -> Draft:
    """Say what a copy will be.

    Raises:
        NotFound: there is nothing to copy.
        PreconditionFailed: it is not what the condition names.
    """
    if held is None or held.blob.marker:
        raise NotFound("there is no such blob to copy")
    if judge_read(condition, held.blob) is not Verdict.GO:
        raise PreconditionFailed("the source is not what the condition names")
    return Draft(
        bucket=to.bucket,
        key=to.key,
        size=held.blob.size,
        etag=held.blob.etag,
        pieces=held.pieces,
        about=replace(held.blob.about, notes={}, lock=None) if about is None else about,
        checksums=held.blob.checksums,
    )
