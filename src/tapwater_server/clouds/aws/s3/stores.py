"""What S3 stands on: our own blobs, as assembly hands them in, and all that handlers share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.s3.access import Access
from tapwater_server.clouds.aws.s3.call import Call
from tapwater_server.clouds.aws.s3.errors import no_bucket, no_key
from tapwater_server.clouds.aws.s3.people import People, Person
from tapwater_server.clouds.aws.s3.places import Place, Places
from tapwater_server.model.blob import About, Blob, Bucket, Cause, Draft, Page, Part, Upload
from tapwater_server.model.blob_conditions import ALWAYS, Condition
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import Deleted, Held, Listing, Naming
from tapwater_server.ports.clock import Clock

Judge = Callable[[Draft], None]  # raises if what has come may not be kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """On which terms content is taken."""

    about: About
    condition: Condition = ALWAYS
    wanted: Collection[str] = ()  # checksums to be kept
    bytes_max: int
    judge: Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Completing:
    """What is to be made of an upload's parts."""

    parts: Sequence[tuple[int, str]]
    condition: Condition = ALWAYS
    checksum: str = ""
    whole: bool = False  # the checksum is of the content, not of the parts' checksums
    about: About
    judge: Judge


class Store(Protocol):
    """Our own blobs: see services/blobs. Raises TapwaterError."""

    async def bucket(self, app: AppId, name: str) -> Bucket | None: ...
    async def buckets(self, app: AppId) -> Sequence[Bucket]: ...
    async def put_bucket(self, app: AppId, bucket: Bucket) -> bool: ...
    async def drop_bucket(self, app: AppId, name: str) -> bool: ...
    async def find(self, app: AppId, naming: Naming) -> Held | None: ...
    async def put(
        self, app: AppId, naming: Naming, chunks: AsyncIterator[bytes], taking: Taking, cause: Cause
    ) -> Blob: ...
    def read(self, held: Held, *, start: int, stop: int) -> AsyncIterator[bytes]: ...
    async def list(self, app: AppId, listing: Listing) -> Page: ...
    async def versions(self, app: AppId, listing: Listing, *, after_version: str = "") -> Page: ...
    async def delete(
        self,
        app: AppId,
        naming: Naming,
        *,
        condition: Condition = ALWAYS,
        force: bool = False,
        cause: Cause,
    ) -> Deleted | None: ...
    async def copy(
        self,
        app: AppId,
        source: Naming,
        to: Naming,
        *,
        about: About,
        source_condition: Condition = ALWAYS,
        condition: Condition = ALWAYS,
        cause: Cause,
    ) -> Blob: ...
    async def describe(self, app: AppId, naming: Naming, about: About) -> Blob | None: ...
    async def begin(self, app: AppId, naming: Naming, about: About) -> Upload: ...
    async def upload(self, app: AppId, id: str) -> Upload | None: ...
    async def uploads(
        self, app: AppId, bucket: str, *, prefix: str, after: str, count_max: int
    ) -> Sequence[Upload]: ...
    async def put_part(
        self, app: AppId, upload: str, number: int, chunks: AsyncIterator[bytes], taking: Taking
    ) -> Part: ...
    async def parts(self, app: AppId, upload: str) -> Sequence[Part]: ...
    async def complete(
        self, app: AppId, upload: str, completing: Completing, cause: Cause
    ) -> Blob: ...
    async def abort(self, app: AppId, upload: str) -> None: ...


class Announcing(Protocol):
    """Sees to notifications: that the places of a configuration are there, and know of it."""

    async def announce(
        self, account: Account, bucket: str, xml: str, *, checked: bool = True
    ) -> None:
        """Send the test event.

        Raises:
            AwsError: InvalidArgument: one of the places takes nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What each group of handlers is given."""

    store: Store
    places: Places
    access: Access
    people: People
    clock: Clock
    announcing: Announcing
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def place(self, call: Call) -> Place:
        """Look at the bucket that is meant.

        Raises:
            AwsError: NoSuchBucket.
        """
        return await self.place_named(call, call.bucket)

    async def place_named(self, call: Call, name: str) -> Place:
        bucket = await self.store.bucket(call.app, name)
        if bucket is None:
            raise no_bucket(name)
        owner = self.people.owner(call.asked.caller).id
        return self.places.place(call.account, bucket, owner=owner)

    async def redescribe(self, call: Call, version: str, change: Callable[[About], About]) -> None:
        """Change what is said of a version: one after the other, so that none undoes another.

        Raises:
            AwsError: it has gone meanwhile, or ``change`` refuses.
        """
        naming = Naming(bucket=call.bucket, key=call.key, version=version)
        async with self.changing:
            held = await self.store.find(call.app, naming)
            if held is None or held.blob.marker:
                raise no_key(call.key)
            await self.store.describe(call.app, naming, change(held.blob.about))

    def person(self, call: Call, id: str) -> Person:
        """Name a canonical user; of one that is gone only the id is known."""
        return self.people.by_id(call.asked.caller, id) or Person(id=id)
