"""The facts of blobs in memory: the reference, as plain as can be."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from tapwater_server.backends.memory.blob_ageing import due_of
from tapwater_server.backends.memory.blob_uploads import MemoryUploads
from tapwater_server.model.blob import (
    UNVERSIONED,
    About,
    Blob,
    Bucket,
    Cause,
    Draft,
    Page,
    Part,
    Piece,
    Upload,
    Versioning,
)
from tapwater_server.model.blob_conditions import ALWAYS, Condition, check_write
from tapwater_server.model.blob_events import blob_event, visible_change
from tapwater_server.model.blob_paging import page
from tapwater_server.model.errors import Conflict
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import (
    BUCKETS_MAX,
    Aged,
    Completion,
    Deleted,
    Held,
    Listing,
    Naming,
    check_unlocked,
    draft_of_copy,
)
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource


@dataclass(slots=True, kw_only=True)
class _Version:
    """One version, and what it is made of."""

    blob: Blob
    pieces: tuple[Piece, ...]
    replaced_at: float | None = None


@dataclass(slots=True)
class _Place:
    """A bucket and the versions of each of its keys, oldest first."""

    bucket: Bucket
    keys: dict[str, list[_Version]] = field(default_factory=dict)


_Stack = list[_Version]
_Pieces = list[Piece]


class MemoryBlobFacts:
    """See the promises of ``ports/blobs.py``. ``tell`` takes the events of each change."""

    def __init__(
        self, *, clock: Clock, ids: IdSource, tell: Callable[[Sequence[Event]], object]
    ) -> None:
        self._clock, self._ids, self._tell = clock, ids, tell
        self._places: dict[tuple[AppId, str], _Place] = {}
        self._uploads = MemoryUploads()
        self._garbage: dict[str, float] = {}

    async def put_bucket(self, app: AppId, bucket: Bucket) -> bool:
        there = self._places.get((app, bucket.name))
        if there is None:
            self._make(app, bucket)
            return True
        kept = there.bucket.versioning is not Versioning.OFF
        if kept and bucket.versioning is Versioning.OFF:
            raise Conflict("a bucket that has kept versions can only suspend that")
        there.bucket = replace(bucket, created_at=there.bucket.created_at)
        return False

    async def drop_bucket(self, app: AppId, name: str) -> bool:
        place = self._places.get((app, name))
        if (place is not None and any(place.keys.values())) or self._uploads.any_in(app, name):
            raise Conflict(
                f"the bucket {name} still holds blobs, old versions or unfinished uploads"
            )
        return self._places.pop((app, name), None) is not None

    async def bucket(self, app: AppId, name: str) -> Bucket | None:
        place = self._places.get((app, name))
        return place.bucket if place else None

    async def buckets(self, app: AppId) -> Sequence[Bucket]:
        found = [place.bucket for (of, _), place in self._places.items() if of == app]
        return sorted(found, key=lambda bucket: bucket.name)

    async def living(self) -> Sequence[tuple[AppId, Bucket]]:
        found = [(app, place.bucket) for (app, _), place in self._places.items()]
        return sorted(
            (pair for pair in found if pair[1].lifecycle), key=lambda pair: (pair[0], pair[1].name)
        )

    async def store(
        self, app: AppId, draft: Draft, *, condition: Condition = ALWAYS, cause: Cause
    ) -> Blob:
        before = self._shown(app, draft.bucket, draft.key)
        check_write(condition, before)
        place = self._ensure(app, draft.bucket)
        blob = Blob(
            bucket=draft.bucket,
            key=draft.key,
            version=self._version(place),
            size=draft.size,
            etag=draft.etag,
            stored_at=self._clock.now(),
            about=draft.about,
            checksums=draft.checksums,
        )
        self._put_on_top(place, blob, draft.pieces)
        self._announce(app, before, blob, cause)
        return blob

    async def find(self, app: AppId, naming: Naming) -> Held | None:
        for version in self._stack(app, naming.bucket, naming.key):
            blob = version.blob
            shown = blob.current and not blob.marker
            if blob.version == naming.version if naming.version else shown:
                return Held(blob=blob, pieces=version.pieces)
        return None

    async def list(self, app: AppId, listing: Listing) -> Page:
        def scan(start: str, end: str | None, count_max: int) -> Sequence[Blob]:
            place = self._places.get((app, listing.bucket))
            keys = sorted(key for key in (place.keys if place else ()) if start <= key)
            shown = [self._shown(app, listing.bucket, key) for key in keys if not end or key < end]
            return [blob for blob in shown if blob][:count_max]

        return page(
            scan,
            prefix=listing.prefix,
            delimiter=listing.delimiter,
            after=listing.after,
            count_max=listing.count_max,
        )

    async def versions(self, app: AppId, listing: Listing, *, after_version: str = "") -> Page:
        place = self._places.get((app, listing.bucket))
        found: list[Blob] = []
        for key in sorted(place.keys if place else ()):
            if key.startswith(listing.prefix) and key >= listing.after:
                stack = [one.blob for one in reversed(self._stack(app, listing.bucket, key))]
                if key == listing.after:
                    named = [one.version for one in stack]
                    at = named.index(after_version) if after_version in named else len(stack)
                    stack = stack[at + 1 :]
                found += stack
        blobs = tuple(found[: listing.count_max])
        more = len(found) > len(blobs)
        return Page(blobs=blobs, next=f"{blobs[-1].key}\0{blobs[-1].version}" if more else "")

    async def delete(
        self,
        app: AppId,
        naming: Naming,
        *,
        condition: Condition = ALWAYS,
        force: bool = False,
        cause: Cause,
    ) -> Deleted | None:
        place = self._places.get((app, naming.bucket))
        if place is None:
            return None
        before = self._shown(app, naming.bucket, naming.key)
        meant = await self.find(app, naming)
        check_write(condition, meant.blob if meant else None)
        if naming.version or place.bucket.versioning is Versioning.OFF:
            if meant is not None:
                check_unlocked(meant.blob, at=self._clock.now(), force=force)
            deleted = self._remove(place, naming.key, naming.version or UNVERSIONED)
        else:
            marker = Blob(
                bucket=naming.bucket,
                key=naming.key,
                version=self._version(place),
                size=0,
                etag="",
                stored_at=self._clock.now(),
                marker=True,
            )
            self._put_on_top(place, marker, ())
            deleted = Deleted(version=marker.version, marker=True)
        after = self._shown(app, naming.bucket, naming.key)
        marked = "" if deleted is None or not deleted.marker or naming.version else deleted.version
        self._announce(app, before, after, cause, marker=marked)
        return deleted

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
        draft = draft_of_copy(await self.find(app, source), to, about, source_condition)
        return await self.store(app, draft, condition=condition, cause=cause)

    async def describe(
        self, app: AppId, naming: Naming, about: About, *, condition: Condition = ALWAYS
    ) -> Blob | None:
        held = await self.find(app, naming)
        if held is None or held.blob.marker:
            return None
        check_write(condition, held.blob)
        for version in self._stack(app, naming.bucket, naming.key):
            if version.blob is held.blob:
                version.blob = replace(held.blob, about=about)
        return replace(held.blob, about=about)

    async def begin(self, app: AppId, upload: Upload) -> None:
        self._ensure(app, upload.bucket)
        self._uploads.begin(app, upload)

    async def upload(self, app: AppId, id: str) -> Upload | None:
        return self._uploads.find(app, id)

    async def uploads(
        self, app: AppId, bucket: str, *, prefix: str = "", after: str = "", count_max: int
    ) -> Sequence[Upload]:
        found = self._uploads.list(app, bucket)
        wanted = [one for one in found if one.key.startswith(prefix) and one.id > after]
        return wanted[:count_max]

    async def stale(self, *, before: float, count_max: int) -> Sequence[tuple[AppId, Upload]]:
        return self._uploads.begun_before(before)[:count_max]

    async def put_part(self, app: AppId, upload: str, part: Part) -> bool:
        freed = self._uploads.put(app, upload, replace(part, stored_at=self._clock.now()))
        self._let_go([] if freed is None else freed)
        return freed is not None

    async def parts(self, app: AppId, upload: str) -> Sequence[Part]:
        return self._uploads.parts(app, upload)

    async def complete(
        self, app: AppId, completion: Completion, *, condition: Condition = ALWAYS, cause: Cause
    ) -> Blob | None:
        draft = self._uploads.draft(app, completion)
        if draft is None:
            return None
        blob = await self.store(app, draft, condition=condition, cause=cause)
        await self.abort(app, completion.upload)
        return blob

    async def abort(self, app: AppId, upload: str) -> bool:
        freed = self._uploads.end(app, upload)
        self._let_go([] if freed is None else freed)
        return freed is not None

    async def aged(self, app: AppId, aged: Aged) -> Sequence[Blob]:
        place = self._places.get((app, aged.bucket))
        found: list[Blob] = []
        for key in sorted(place.keys if place else ()):
            if key.startswith(aged.prefix):
                stack = self._stack(app, aged.bucket, key)
                found += due_of([(one.blob, one.replaced_at) for one in stack], aged)
        return found[: aged.count_max]

    async def usage(self, app: AppId, bucket: str) -> tuple[int, int]:
        place = self._places.get((app, bucket))
        found = [one.blob for stack in (place.keys.values() if place else ()) for one in stack]
        return len(found), sum(blob.size for blob in found)

    async def garbage(self, *, before: float, count_max: int) -> Sequence[str]:
        return [piece for piece, at in self._garbage.items() if at < before][:count_max]

    async def forget(self, pieces: Collection[str]) -> None:
        for piece in pieces:
            self._garbage.pop(piece, None)

    async def strangers(self, pieces: Collection[str]) -> Sequence[str]:
        known = self._held() | self._garbage.keys()
        return [piece for piece in pieces if piece not in known]

    async def erase(self, app: AppId) -> None:
        freed = self._uploads.erase(app)
        for of, name in [key for key in self._places if key[0] == app]:
            stacks = self._places.pop((of, name)).keys.values()
            freed += [one for stack in stacks for version in stack for one in version.pieces]
        self._let_go(freed)

    def _make(self, app: AppId, bucket: Bucket) -> _Place:
        if len([1 for of, _ in self._places if of == app]) >= BUCKETS_MAX:
            raise Conflict(f"an app has {BUCKETS_MAX} buckets at most")
        place = self._places[(app, bucket.name)] = _Place(bucket)
        return place

    def _ensure(self, app: AppId, name: str) -> _Place:
        place = self._places.get((app, name))
        return place or self._make(app, Bucket(name=name, created_at=self._clock.now()))

    def _version(self, place: _Place) -> str:
        return self._ids.fresh() if place.bucket.versioning is Versioning.ON else UNVERSIONED

    def _stack(self, app: AppId, bucket: str, key: str) -> _Stack:
        place = self._places.get((app, bucket))
        return place.keys.get(key, []) if place else []

    def _shown(self, app: AppId, bucket: str, key: str) -> Blob | None:
        stack = self._stack(app, bucket, key)
        return stack[-1].blob if stack and not stack[-1].blob.marker else None

    def _put_on_top(self, place: _Place, blob: Blob, pieces: tuple[Piece, ...]) -> None:
        stack = place.keys.setdefault(blob.key, [])
        gone = [one for one in stack if one.blob.version == blob.version == UNVERSIONED]
        for one in gone:
            stack.remove(one)
        if stack and stack[-1].replaced_at is None:
            stack[-1].blob = replace(stack[-1].blob, current=False)
            stack[-1].replaced_at = self._clock.now()
        stack.append(_Version(blob=blob, pieces=pieces))
        self._let_go([piece for one in gone for piece in one.pieces])

    def _remove(self, place: _Place, key: str, version: str) -> Deleted | None:
        stack = place.keys.get(key, [])
        for one in stack:
            if one.blob.version == version:
                stack.remove(one)
                if stack:
                    stack[-1].blob = replace(stack[-1].blob, current=True)
                    stack[-1].replaced_at = None
                self._let_go(one.pieces)
                return Deleted(version=version, marker=one.blob.marker)
        return None

    def _announce(
        self,
        app: AppId,
        before: Blob | None,
        after: Blob | None,
        cause: Cause,
        *,
        marker: str = "",
    ) -> None:
        seen = visible_change(before, after)
        if seen is not None:
            at, id = self._clock.now(), self._ids.fresh()
            self._tell([blob_event(seen[0], app, seen[1], cause, id=id, at=at, marker=marker)])

    def _let_go(self, pieces: Collection[Piece]) -> None:
        held = self._held()
        for piece in pieces:
            if piece.name and piece.name not in held:
                self._garbage.setdefault(piece.name, self._clock.now())

    def _held(self) -> set[str]:
        stacks = [stack for place in self._places.values() for stack in place.keys.values()]
        pieces = [piece for stack in stacks for version in stack for piece in version.pieces]
        return {piece.name for piece in (*pieces, *self._uploads.pieces())}
