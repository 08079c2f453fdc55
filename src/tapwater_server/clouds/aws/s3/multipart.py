"""Uploads in parts: created, sent, copied, listed, completed, aborted."""

from collections.abc import AsyncIterator
from dataclasses import replace

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3.acl import written_owner
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.conditions import condition_of_write
from tapwater_server.clouds.aws.s3.describing import about_of
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.listing import count_of, encoding_of
from tapwater_server.clouds.aws.s3.markup import around, said, tag, yes
from tapwater_server.clouds.aws.s3.notes import FULL_OBJECT, Notes
from tapwater_server.clouds.aws.s3.parts import (
    OF_UPLOAD,
    check_sizes,
    checksum_of,
    judge_whole,
    named_parts,
    number_of,
    part_markup,
    parts_note,
    sum_name,
)
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.ranges import source_stretch
from tapwater_server.clouds.aws.s3.stores import Completing, Means, Taking
from tapwater_server.clouds.aws.s3.sums import (
    ALGORITHMS,
    in_headers,
    in_markup,
    judge_of,
    wanted,
)
from tapwater_server.clouds.aws.s3.times import iso
from tapwater_server.clouds.aws.s3.uploads import fold_uploads
from tapwater_server.clouds.aws.s3.writing import (
    COPY_TOO_LARGE,
    PUT_BYTES_MAX,
    Writing,
    size_of,
    stored_headers,
)
from tapwater_server.model.blob import About, Blob, Part, Upload
from tapwater_server.model.errors import Conflict, NotFound, PreconditionFailed


class Multipart:
    """Takes objects in parts. What the object will be said to be is kept with the upload."""

    def __init__(self, means: Means, writing: Writing) -> None:
        self._means, self._writing = means, writing

    async def create(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        about = about_of(call.headers)
        self._writing.allow(call, place, about)
        about = self._writing.owned(call, place, about)
        name, kind = checksum_of(call.headers)
        asked = "1" if "x-amz-checksum-algorithm" in call.headers else ""
        notes = Notes(about.notes).but(**{"sum-name": name, "sum": kind, "sum-said": asked})
        about = replace(about, notes=notes)
        upload = await self._means.store.begin(call.app, replace(call.naming, version=""), about)
        headers = []
        if "x-amz-checksum-algorithm" in call.headers:
            headers = [
                ("x-amz-checksum-algorithm", ALGORITHMS[name][0]),
                ("x-amz-checksum-type", kind),
            ]
        if encryption := Notes(notes).encryption:
            headers.append(("x-amz-server-side-encryption", encryption))
        inner = tag("Bucket", call.bucket) + tag("Key", call.key) + tag("UploadId", upload.id)
        return xml("InitiateMultipartUploadResult", inner, headers=tuple(headers))

    async def put_part(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.write(call, place)
        upload, number = await self._upload(call), number_of(call.query.get("partNumber", ""))
        kept = sum_name(upload)
        name = wanted(call.headers)
        if name and name != kept and "sum-said" in upload.about.notes:
            raise refuse(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {kept}, "
                f"actual checksum Type: {name}",
            )
        taking = Taking(
            about=About(),
            wanted={kept, name} - {""},
            bytes_max=PUT_BYTES_MAX,
            judge=judge_of(call.headers, lambda: call.asked.trailers, name, size_of(call)),
        )
        part = await self._taken(call, upload, number, call.asked.body(), taking)
        call.asked.count("blob_writes")
        call.asked.count("blob_bytes_in", part.size)
        shown = {key: hex for key, hex in part.checksums.items() if key == (name or kept)}
        headers = [("etag", f'"{part.etag}"'), *in_headers(shown)[:1]]
        if encryption := Notes(upload.about.notes).encryption:
            headers.append(("x-amz-server-side-encryption", encryption))
        return AwsAnswer(headers=headers)

    async def copy_part(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.write(
            call, place, context={"s3:x-amz-copy-source": call.headers["x-amz-copy-source"]}
        )
        upload, number = await self._upload(call), number_of(call.query.get("partNumber", ""))
        source, held = await self._writing.source(call)
        start, stop = 0, held.blob.size
        if text := call.headers.get("x-amz-copy-source-range", ""):
            start, stop = source_stretch(text, held.blob.size)
        if stop - start > PUT_BYTES_MAX:
            raise refuse(
                "InvalidRequest",
                COPY_TOO_LARGE,
            )
        taking = Taking(
            about=About(),
            wanted=(sum_name(upload),),
            bytes_max=PUT_BYTES_MAX,
            judge=lambda draft: None,
        )
        chunks = self._means.store.read(held, start=start, stop=stop)
        part = await self._taken(call, upload, number, chunks, taking)
        call.asked.count("blob_writes")
        headers = []
        if source.version or held.blob.version != "null":
            headers.append(("x-amz-copy-source-version-id", held.blob.version))
        return xml(
            "CopyPartResult",
            tag("LastModified", iso(self._means.clock.now()))
            + tag("ETag", f'"{part.etag}"')
            + in_markup(part.checksums, typed=False),
            headers=tuple(headers),
        )

    async def list_parts(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        upload = await self._upload(call)
        notes = Notes(upload.about.notes)
        self._own(call, place, notes)
        most = min(count_of(call.query.get("max-parts"), 1000), 1000)
        after = count_of(call.query.get("part-number-marker"), 0)
        there = [p for p in await self._means.store.parts(call.app, upload.id) if p.number > after]
        page = there[:most]
        owner = self._means.person(call, notes.owner(place))
        head = (
            tag("Bucket", call.bucket)
            + tag("Key", call.key)
            + tag("UploadId", upload.id)
            + written_owner(owner, "Initiator")
            + written_owner(owner)
            + tag("StorageClass", notes.storage_class)
            + tag("PartNumberMarker", after)
            + tag("NextPartNumberMarker", page[-1].number if page else 0)
            + tag("MaxParts", most)
            + tag("IsTruncated", yes(len(there) > len(page)))
        )
        if "sum-said" in upload.about.notes:
            head += tag("ChecksumAlgorithm", ALGORITHMS[sum_name(upload)][0])
            head += tag("ChecksumType", notes.checksum_type)
        return xml("ListPartsResult", head + "".join(map(part_markup, page)))

    async def list_uploads(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place, "READ")
        query, encode = call.query, encoding_of(call)
        most = min(count_of(query.get("max-uploads"), 1000), 1000)
        found = fold_uploads(
            await self._all_uploads(call, query.get("prefix", "")),
            prefix=query.get("prefix", ""),
            delimiter=query.get("delimiter", ""),
            after=(query.get("key-marker", ""), query.get("upload-id-marker", "")),
            count_max=most,
        )
        head = (
            tag("Bucket", call.bucket)
            + tag("KeyMarker", encode(query.get("key-marker", "")))
            + tag("UploadIdMarker", query.get("upload-id-marker", ""))
            + said("NextKeyMarker", encode(found.next_key))
            + said("NextUploadIdMarker", found.next_upload)
            + said("Prefix", encode(query.get("prefix", "")))
            + said("Delimiter", encode(query.get("delimiter", "")))
            + tag("MaxUploads", most)
            + tag("IsTruncated", yes(found.truncated))
            + said("EncodingType", query.get("encoding-type", ""))
        )
        lines = [self._upload_markup(call, place, one, encode(one.key)) for one in found.uploads]
        lines += [around("CommonPrefixes", tag("Prefix", encode(one))) for one in found.prefixes]
        return xml("ListMultipartUploadsResult", head + "".join(lines))

    async def complete(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.write(call, place)
        root = await call.markup("CompleteMultipartUpload")
        again = await self._completed(call)
        if again is not None:
            return self._whole(call, place, again)
        upload = await self._upload(call)
        there = {p.number: p for p in await self._means.store.parts(call.app, upload.id)}
        named = named_parts(root, there)
        notes, name = Notes(upload.about.notes), sum_name(upload)
        check_sizes([there[number] for number, _ in named])
        kept = {key: one for key, one in notes.values.items() if key not in OF_UPLOAD}
        about = replace(upload.about, notes={**kept, **parts_note(upload, named, there)})
        completing = Completing(
            parts=named,
            condition=condition_of_write(call.headers),
            checksum=name,
            whole=notes.checksum_type == FULL_OBJECT,
            about=about,
            judge=judge_whole(call.headers, name),
        )
        try:
            blob = await self._means.store.complete(call.app, upload.id, completing, call.cause)
        except PreconditionFailed:
            raise await self._writing.failed(call) from None
        except (Conflict, NotFound):
            raise refuse("NoSuchUpload") from None
        call.asked.count("blob_writes")
        return self._whole(call, place, blob)

    async def _completed(self, call: Call) -> Blob | None:
        """Who did not hear that it was completed may ask again, as long as it is there."""
        id = call.query.get("uploadId", "")
        if await self._means.store.upload(call.app, id) is not None:
            return None
        held = await self._means.store.find(call.app, replace(call.naming, version=""))
        same = held is not None and held.blob.about.notes.get("upload") == id
        return held.blob if held is not None and same else None

    def _whole(self, call: Call, place: Place, blob: Blob) -> AwsAnswer:
        where = f"{call.asked.scheme}://{call.asked.host}/{call.bucket}/{call.key}"
        inner = (
            tag("Location", where)
            + tag("Bucket", call.bucket)
            + tag("Key", call.key)
            + tag("ETag", f'"{blob.etag}"')
            + in_markup(blob.checksums)
        )
        headers = stored_headers(blob, versioned=place.versioned, sums=False)
        return xml("CompleteMultipartUploadResult", inner, headers=tuple(headers))

    async def abort(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        upload = await self._upload(call)
        self._own(call, place, Notes(upload.about.notes))
        try:
            await self._means.store.abort(call.app, upload.id)
        except NotFound:
            raise refuse("NoSuchUpload") from None
        return done()

    async def _taken(
        self, call: Call, upload: Upload, number: int, chunks: AsyncIterator[bytes], taking: Taking
    ) -> Part:
        try:
            return await self._means.store.put_part(call.app, upload.id, number, chunks, taking)
        except NotFound:
            raise refuse("NoSuchUpload") from None

    async def _upload(self, call: Call) -> Upload:
        id = call.query.get("uploadId", "")
        upload = await self._means.store.upload(call.app, id)
        if upload is None or (upload.bucket, upload.key) != (call.bucket, call.key):
            raise refuse("NoSuchUpload", UploadId=id)
        return upload

    async def _all_uploads(self, call: Call, prefix: str) -> list[Upload]:
        """There are UPLOADS_MAX of them at most."""
        found: list[Upload] = []
        while True:
            after = found[-1].id if found else ""
            page = await self._means.store.uploads(
                call.app, call.bucket, prefix=prefix, after=after, count_max=1000
            )
            found += page
            if len(page) < 1000:
                return found

    def _own(self, call: Call, place: Place, notes: Notes) -> None:
        """An upload is its initiator's and the bucket owner's."""
        mine = call.who.known and call.who.id == notes.owner(place)
        if not mine and not self._means.access.may(call, place, key=call.key):
            raise refuse("AccessDenied")

    def _upload_markup(self, call: Call, place: Place, upload: Upload, key: str) -> str:
        notes = Notes(upload.about.notes)
        owner = self._means.person(call, notes.owner(place))
        inner = (
            tag("Key", key)
            + tag("UploadId", upload.id)
            + written_owner(owner, "Initiator")
            + written_owner(owner)
            + tag("StorageClass", notes.storage_class)
            + tag("Initiated", iso(upload.begun_at))
        )
        if "sum-said" in upload.about.notes:
            inner += tag("ChecksumAlgorithm", ALGORITHMS[sum_name(upload)][0])
            inner += tag("ChecksumType", notes.checksum_type)
        return around("Upload", inner)
