"""The API of buckets: settings, listings, and what concerns many blobs at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tapwater_server.model.blob import Bucket
from tapwater_server.model.blob_names import parse_bucket
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.ports.blobs import PAGE_MAX, Listing, Naming
from tapwater_server.services.blobs.headers import condition_of
from tapwater_server.services.blobs.http import cause_of, stored
from tapwater_server.services.blobs.permits import Permits
from tapwater_server.services.blobs.service import DELETE_MAX, Blobs
from tapwater_server.services.blobs.shapes import (
    BucketAsked,
    CopyAsked,
    DeleteAsked,
    rules_of,
    say_bucket,
    say_page,
)
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who

_LIMIT = 100
_AT_ONCE_MAX = 100  # Deletions that wait for one commit.
_RULES_MAX = 100  # Of a bucket's lifecycle.


class BucketsApi:
    """Translates; the service decides."""

    def __init__(self, *, blobs: Blobs, permits: Permits) -> None:
        self._blobs, self._permits = blobs, permits

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(method="GET", path="/blobs", says="List the buckets.", handler=self._buckets),
            Endpoint(
                method="GET",
                path="/blobs/{bucket}",
                says="List blobs by key, folded at a delimiter; or all their versions.",
                handler=self._list,
                who=Who.ANYONE,
                query={
                    "prefix": "keys that begin so",
                    "delimiter": "fold what shares a prefix up to it, usually /",
                    "start_after": "keys behind this one",
                    "page": "the next of the page before",
                    "limit": f"1 to {PAGE_MAX}, usually {_LIMIT}",
                    "versions": "true: old versions and markers too",
                },
            ),
            Endpoint(
                method="PUT",
                path="/blobs/{bucket}",
                says="Make a bucket, or change its settings.",
                handler=self._put,
                takes=BucketAsked,
            ),
            Endpoint(
                method="DELETE",
                path="/blobs/{bucket}",
                says="Remove an empty bucket.",
                handler=self._drop,
            ),
            Endpoint(
                method="GET",
                path="/blobs/-/buckets/{bucket}",
                says="Show a bucket: its settings, and how much it holds.",
                handler=self._show,
            ),
            Endpoint(
                method="POST",
                path="/blobs/-/copy",
                says="Store a blob's content under another key, at once whatever its size.",
                handler=self._copy,
                takes=CopyAsked,
                status=201,
            ),
            Endpoint(
                method="POST",
                path="/blobs/-/delete",
                says=f"Delete up to {DELETE_MAX} blobs or versions of a bucket.",
                handler=self._delete,
                takes=DeleteAsked,
            ),
        )

    async def _buckets(self, asked: Asked) -> dict[str, Any]:
        buckets = await self._blobs.buckets(asked.app)
        return {"buckets": [say_bucket(bucket) for bucket in buckets]}

    async def _show(self, asked: Asked) -> dict[str, Any]:
        bucket = await self._blobs.bucket(asked.app, asked.params["bucket"])
        versions, size = await self._blobs.usage(asked.app, bucket.name)
        return {**say_bucket(bucket), "versions": versions, "bytes": size}

    async def _put(self, asked: Asked) -> Answer:
        given = await asked.body(BucketAsked)
        if given.lifecycle is not None and len(given.lifecycle) > _RULES_MAX:
            raise Invalid(f"a bucket's lifecycle has {_RULES_MAX} rules at most")
        name = parse_bucket(asked.params["bucket"])
        there = {bucket.name: bucket for bucket in await self._blobs.buckets(asked.app)}
        now = there.get(name, Bucket(name=name))
        bucket = Bucket(
            name=name,
            versioning=now.versioning if given.versioning is None else given.versioning,
            lifecycle=now.lifecycle if given.lifecycle is None else rules_of(given.lifecycle),
        )
        new = await self._blobs.put_bucket(asked.app, bucket)
        made = await self._blobs.bucket(asked.app, name)
        return Answer(say_bucket(made), 201 if new else 200)

    async def _drop(self, asked: Asked) -> None:
        name = asked.params["bucket"]
        if not await self._blobs.drop_bucket(asked.app, name):
            raise NotFound(f"there is no bucket {name[:80]}")

    async def _list(self, asked: Asked) -> dict[str, Any]:
        bucket, prefix = asked.params["bucket"], asked.query.get("prefix", "")
        delimiter = asked.query.get("delimiter", "")
        self._permits.list(asked, bucket, prefix, one_level=delimiter == "/")
        limit = asked.number("limit", low=1, high=PAGE_MAX)
        versions = asked.flag("versions", default=False)
        page = asked.text("page") or ""
        after, _, version = page.partition("\0") if versions else (page, "", "")
        listing = Listing(
            bucket=bucket,
            prefix=prefix,
            delimiter=delimiter,
            after=after or asked.query.get("start_after", ""),
            count_max=_LIMIT if limit is None else int(limit),
        )
        asked.count("blob_reads")
        if not versions:
            return say_page(await self._blobs.list(asked.app, listing))
        asked.require_trust()
        return say_page(await self._blobs.versions(asked.app, listing, after_version=version))

    async def _copy(self, asked: Asked) -> Answer:
        given = await asked.body(CopyAsked)
        source, to = given.source, given.to
        blob = await self._blobs.copy(
            asked.app,
            Naming(bucket=source.bucket, key=source.key, version=source.version),
            Naming(bucket=to.bucket, key=to.key),
            about=None if given.about is None else given.about.about(),
            condition=condition_of(asked.headers),
            cause=cause_of(asked),
        )
        asked.count("blob_writes")
        return stored(blob)

    async def _delete(self, asked: Asked) -> dict[str, Any]:
        given = await asked.body(DeleteAsked)
        namings = [Naming(bucket=given.bucket, key=key) for key in given.keys]
        for place in given.versions:
            namings.append(Naming(bucket=given.bucket, key=place.key, version=place.version))
        if len(namings) > DELETE_MAX:
            raise Invalid(f"{DELETE_MAX} blobs at most are deleted at once")
        cause = cause_of(asked)
        deleted = []
        for at in range(0, len(namings), _AT_ONCE_MAX):
            portion = namings[at : at + _AT_ONCE_MAX]
            found = await asyncio.gather(
                *(self._blobs.delete(asked.app, naming, cause=cause) for naming in portion)
            )
            deleted += [
                {"key": naming.key, "version": one.version, "marker": one.marker}
                for naming, one in zip(portion, found, strict=True)
                if one is not None
            ]
        return {"deleted": deleted}
