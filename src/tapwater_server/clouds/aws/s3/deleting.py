"""DeleteObject and DeleteObjects."""

import asyncio
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsError
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.conditions import check_deletion, check_expected
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.locking import bypasses
from tapwater_server.clouds.aws.s3.markup import around, said, tag, text_of
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.model.blob import Blob
from tapwater_server.model.blob_conditions import Condition
from tapwater_server.model.errors import NotAllowed, PreconditionFailed
from tapwater_server.ports.blobs import Deleted, Naming

AT_ONCE_MAX = 1_000  # As in S3.
_TOGETHER = 100  # Deletions that wait for one commit.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """One line of a DeleteObjects."""

    naming: Naming
    etag: str = ""
    modified: str = ""
    size: str = ""


class Deleting:
    """Deletes objects for whoever may write."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def one(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.write(call, place)
        if "x-amz-mfa" in call.headers:
            raise refuse("NotImplemented", "MFA delete is not here")
        condition = Condition()
        if any(name.startswith(("if-match", "x-amz-if-match")) for name in call.headers):
            condition = check_deletion(call.headers, await self._there(call, call.naming))
        deleted = await self._delete(call, call.naming, condition)
        headers = []
        if place.versioned and deleted is not None:
            headers.append(("x-amz-version-id", deleted.version))
            if deleted.marker:
                headers.append(("x-amz-delete-marker", "true"))
        elif call.naming.version:
            headers.append(("x-amz-version-id", call.naming.version))
        return done(204, *headers)

    async def many(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        root = await call.markup("Delete")
        objects = root.findall("Object")
        if not 1 <= len(objects) <= AT_ONCE_MAX:
            raise refuse("MalformedXML")
        wanted = [_wanted(call.bucket, one) for one in objects]
        quiet = text_of(root, "Quiet") == "true"
        written: list[str] = []
        for at in range(0, len(wanted), _TOGETHER):
            some = wanted[at : at + _TOGETHER]
            written += await asyncio.gather(*(self._line(call, place, one, quiet) for one in some))
        return xml("DeleteResult", "".join(written))

    async def _line(self, call: Call, place: Place, wanted: _Wanted, quiet: bool) -> str:
        naming = wanted.naming
        named = tag("Key", naming.key) + said("VersionId", naming.version)
        try:
            deleted = await self._checked(call, place, wanted)
        except AwsError as error:
            return around("Error", named + tag("Code", error.code) + tag("Message", error.message))
        if quiet:
            return ""
        more = ""
        if deleted is not None and deleted.marker and place.versioned:
            more = tag("DeleteMarker", "true") + tag("DeleteMarkerVersionId", deleted.version)
        return around("Deleted", named + more)

    async def _checked(self, call: Call, place: Place, wanted: _Wanted) -> Deleted | None:
        naming = wanted.naming
        action = "s3:DeleteObjectVersion" if naming.version else "s3:DeleteObject"
        self._means.access.write(call, place, key=naming.key, action=action)
        condition = Condition()
        if wanted.etag or wanted.modified or wanted.size:
            there = await self._there(call, naming)
            condition = check_expected(
                there, etag=wanted.etag, modified=wanted.modified, size=wanted.size
            )
        return await self._delete(call, naming, condition)

    async def _there(self, call: Call, naming: Naming) -> Blob | None:
        held = await self._means.store.find(call.app, naming)
        return None if held is None else held.blob

    async def _delete(self, call: Call, naming: Naming, condition: Condition) -> Deleted | None:
        force = bypasses(self._means, call)
        try:
            return await self._means.store.delete(
                call.app, naming, condition=condition, force=force, cause=call.cause
            )
        except PreconditionFailed:
            raise refuse("PreconditionFailed", Condition="If-Match") from None
        except NotAllowed:
            raise refuse(
                "AccessDenied", "Access Denied because object protected by object lock."
            ) from None


def _wanted(bucket: str, element: Element) -> _Wanted:
    key = element.find("Key")
    if key is None or not key.text:
        raise refuse("MalformedXML")
    naming = Naming(bucket=bucket, key=key.text, version=text_of(element, "VersionId"))
    return _Wanted(
        naming=replace(naming),
        etag=text_of(element, "ETag"),
        modified=text_of(element, "LastModifiedTime"),
        size=text_of(element, "Size"),
    )
