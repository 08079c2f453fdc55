"""PutObject and CopyObject."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qs, unquote

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3 import acl as lists
from tapwater_server.clouds.aws.s3.acl import Acl
from tapwater_server.clouds.aws.s3.call import Call, xml
from tapwater_server.clouds.aws.s3.conditions import (
    COPY_SOURCE,
    condition_of,
    condition_of_write,
    failed_on_source,
)
from tapwater_server.clouds.aws.s3.describing import about_of, with_directives
from tapwater_server.clouds.aws.s3.errors import no_key, refuse
from tapwater_server.clouds.aws.s3.granting import Granting
from tapwater_server.clouds.aws.s3.locking import locked
from tapwater_server.clouds.aws.s3.markup import tag
from tapwater_server.clouds.aws.s3.notes import Notes, acl_note
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.stores import Means, Taking
from tapwater_server.clouds.aws.s3.sums import (
    DEFAULT,
    algorithm_of,
    in_headers,
    in_markup,
    judge_of,
    wanted,
)
from tapwater_server.clouds.aws.s3.times import iso
from tapwater_server.model.blob import UNVERSIONED, About, Blob
from tapwater_server.model.blob_conditions import Verdict, judge_read
from tapwater_server.model.errors import PreconditionFailed
from tapwater_server.ports.blobs import Held, Naming

PUT_BYTES_MAX = 5 << 30  # Of one PUT or part, as in S3.
COPY_TOO_LARGE = (
    "The specified copy source is larger than the maximum allowable size for a copy source: "
    f"{PUT_BYTES_MAX}"
)


class Writing:
    """Stores objects for whoever may write."""

    def __init__(self, means: Means, granting: Granting) -> None:
        self._means, self._granting = means, granting

    async def put(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        about = self.about(call, place)
        size = size_of(call)
        name = wanted(call.headers) or DEFAULT
        taking = Taking(
            about=about,
            condition=condition_of_write(call.headers),
            wanted=(name,),
            bytes_max=PUT_BYTES_MAX,
            judge=judge_of(call.headers, lambda: call.asked.trailers, name, size),
        )
        naming = replace(call.naming, version="")
        try:
            blob = await self._means.store.put(
                call.app, naming, call.asked.body(), taking, call.cause
            )
        except PreconditionFailed:
            raise await self.failed(call) from None
        call.asked.count("blob_writes")
        call.asked.count("blob_bytes_in", blob.size)
        return AwsAnswer(headers=stored_headers(blob, versioned=place.versioned))

    def about(self, call: Call, place: Place) -> About:
        """Say what will be known of an object, if the caller may write it.

        Raises:
            AwsError: who asks may not.
        """
        about = about_of(call.headers)
        self.allow(call, place, about)
        return self.owned(call, place, about)

    def allow(self, call: Call, place: Place, about: About, *, source: str = "") -> None:
        context = {f"s3:RequestObjectTag/{name}": value for name, value in about.tags.items()}
        if source:
            context["s3:x-amz-copy-source"] = source
        self._means.access.write(call, place, context=context)
        if about.lock is not None and not place.locks:
            raise refuse("InvalidRequest", "Bucket is missing Object Lock Configuration")

    def owned(self, call: Call, place: Place, about: About) -> About:
        """Add whose it is, who may see it, and how it is locked."""
        owner = call.who.id if call.who.known else place.owner
        acl = self._granting.asked(call, place, owner=owner)
        handed = (
            place.ownership == "BucketOwnerPreferred"
            and call.headers.get("x-amz-acl") == "bucket-owner-full-control"
        )
        if handed:
            owner, acl = place.owner, lists.own(place.owner)
        notes = Notes(about.notes).but(owner=owner, acl=acl_note(_shown(acl, owner)))
        return replace(about, notes=notes, lock=locked(self._means, call, place, about.lock))

    async def failed(self, call: Call) -> Exception:
        """Say why a conditional write was refused."""
        naming = replace(call.naming, version="")
        if call.headers.get("if-match") is not None:
            held = await self._means.store.find(call.app, naming)
            if held is None:
                return no_key(call.key)
        return refuse(
            "PreconditionFailed",
            Condition="If-None-Match" if "if-none-match" in call.headers else "If-Match",
        )

    async def copy(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        source, held = await self.source(call)
        about = with_directives(about_of(call.headers), held.blob.about, call.headers)
        self._check_copy(call, source, held, about)
        self.allow(call, place, about, source=call.headers["x-amz-copy-source"])
        about = self.owned(call, place, about)
        to = replace(call.naming, version="")
        meant = replace(source, version=held.blob.version)
        try:
            blob = await self._copied(call, meant, held, to, about)
        except PreconditionFailed:
            raise refuse("PreconditionFailed") from None
        call.asked.count("blob_writes")
        headers = stored_headers(blob, versioned=place.versioned, sums=False)
        if place_says_version(held, source):
            headers.append(("x-amz-copy-source-version-id", held.blob.version))
        return xml(
            "CopyObjectResult",
            tag("LastModified", iso(blob.stored_at))
            + tag("ETag", f'"{blob.etag}"')
            + in_markup(blob.checksums),
            headers=tuple(headers),
        )

    async def _copied(
        self, call: Call, source: Naming, held: Held, to: Naming, about: About
    ) -> Blob:
        """Share the bytes; read them only for a checksum that they do not have yet."""
        store, condition = self._means.store, condition_of_write(call.headers)
        said = call.headers.get("x-amz-checksum-algorithm", "")
        name = algorithm_of(said) if said else ""
        if not name or (name in held.blob.checksums and "-" not in held.blob.checksums[name]):
            return await store.copy(
                call.app,
                source,
                to,
                about=about,
                source_condition=condition_of(call.headers, prefix=COPY_SOURCE),
                condition=condition,
                cause=call.cause,
            )
        taking = Taking(
            about=about,
            condition=condition,
            wanted=(name,),
            bytes_max=PUT_BYTES_MAX,
            judge=lambda draft: None,
        )
        chunks = store.read(held, start=0, stop=held.blob.size)
        return await store.put(call.app, to, chunks, taking, call.cause)

    async def source(self, call: Call) -> tuple[Naming, Held]:
        """Find what is to be copied, if the caller may read it.

        Raises:
            AwsError: it is not there, or not for the caller, or not as the headers want it.
        """
        naming = source_of(call.headers["x-amz-copy-source"])
        place = await self._means.place_named(call, naming.bucket)
        held = await self._means.store.find(call.app, naming)
        if held is None:
            self._means.access.unknown(call, place, key=naming.key)
            raise refuse("NoSuchVersion") if naming.version else no_key(naming.key)
        if held.blob.marker:
            raise refuse(
                "InvalidRequest",
                "The source of a copy request may not specifically refer to a delete marker by "
                "version id.",
            )
        action = "s3:GetObjectVersion" if naming.version else "s3:GetObject"
        context = {
            f"s3:ExistingObjectTag/{name}": value for name, value in held.blob.about.tags.items()
        }
        self._means.access.object(
            call,
            place,
            Notes(held.blob.about.notes),
            lists.READ,
            action=action,
            key=naming.key,
            context=context,
        )
        check_source(call.headers, held)
        return naming, held

    def _check_copy(self, call: Call, source: Naming, held: Held, about: About) -> None:
        if held.blob.size > PUT_BYTES_MAX:
            raise refuse(
                "InvalidRequest",
                COPY_TOO_LARGE,
            )
        same = (source.bucket, source.key, source.version) == (call.bucket, call.key, "")
        changing = (
            "x-amz-metadata-directive",
            "x-amz-storage-class",
            "x-amz-website-redirect-location",
            "x-amz-server-side-encryption",
            "x-amz-tagging-directive",
            "x-amz-checksum-algorithm",
        )
        replaced = any(call.headers.get(name, "COPY") != "COPY" for name in changing)
        if same and not replaced:
            raise refuse(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes.",
            )


def _shown(acl: Acl | None, owner: str) -> Acl:
    return lists.own(owner) if acl is None else acl


def place_says_version(held: Held, source: Naming) -> bool:
    """A source without versions has none to speak of."""
    return bool(source.version) or held.blob.version != UNVERSIONED


def check_source(headers: Mapping[str, str], held: Held) -> None:
    """Let a source pass that is as the headers want it.

    Raises:
        AwsError: it is not.
    """
    condition = condition_of(headers, prefix=COPY_SOURCE)
    if judge_read(condition, held.blob) is not Verdict.GO:
        raise failed_on_source(headers)


def source_of(said: str) -> Naming:
    """Read which object is to be copied.

    >>> source_of("/photos/a%2Bb?versionId=null")
    Naming(bucket='photos', key='a+b', version='null')

    Raises:
        AwsError: InvalidArgument.
    """
    path, _, query = said.partition("?")
    version = parse_qs(query).get("versionId", [""])[0]
    try:
        text = unquote(path, errors="strict").removeprefix("/")
    except UnicodeDecodeError:
        text = ""
    bucket, _, key = text.partition("/")
    if not bucket or not key:
        raise refuse(
            "InvalidArgument", "Invalid copy source object key", ArgumentName="x-amz-copy-source"
        )
    return Naming(bucket=bucket, key=key, version=version)


def size_of(call: Call) -> int | None:
    """Say how much will come.

    Raises:
        AwsError: nobody said so, or it is too much.
    """
    size = call.asked.size
    if size is None and call.asked.whole is None:
        raise refuse("MissingContentLength")
    if size is not None and size > PUT_BYTES_MAX:
        raise refuse("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(PUT_BYTES_MAX))
    return size


def stored_headers(blob: Blob, *, versioned: bool, sums: bool = True) -> list[tuple[str, str]]:
    """Say of what was stored what its sender wants to know."""
    found = [] if not sums else [("etag", f'"{blob.etag}"'), *in_headers(blob.checksums)]
    if versioned and blob.version != UNVERSIONED:
        found.append(("x-amz-version-id", blob.version))
    encryption = Notes(blob.about.notes).encryption
    if encryption:
        found.append(("x-amz-server-side-encryption", encryption))
    return found
