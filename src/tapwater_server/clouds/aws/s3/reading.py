"""GetObject, HeadObject, GetObjectAttributes."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsError
from tapwater_server.clouds.aws.s3 import acl as lists
from tapwater_server.clouds.aws.s3.call import Call, xml
from tapwater_server.clouds.aws.s3.conditions import condition_of
from tapwater_server.clouds.aws.s3.describing import headers_of, overridden, sums_of
from tapwater_server.clouds.aws.s3.errors import no_key, refuse
from tapwater_server.clouds.aws.s3.markup import around, tag, yes
from tapwater_server.clouds.aws.s3.notes import Notes
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.ranges import stretch, whole_number
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.clouds.aws.s3.sums import in_headers, in_markup, type_of
from tapwater_server.clouds.aws.s3.times import http_date
from tapwater_server.model.blob import Blob
from tapwater_server.model.blob_conditions import Verdict, judge_read
from tapwater_server.model.errors import NotAllowed
from tapwater_server.ports.blobs import Held, Listing
from tapwater_server.web.safety import boxed_headers, refuse_to_run

_ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


class Reading:
    """Looks objects up for whoever may see them."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def get(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        held = await self.find(call, place, lists.READ)
        blob, head = held.blob, call.asked.method == "HEAD"
        fixed = headers_of(blob, versioned=place.versioned)
        unchanged = self._judge(call, blob, fixed)
        if unchanged is not None:
            return unchanged
        headers = overridden(fixed, call.query, signed=call.who.known)
        within = self._part(call, held) or stretch(call.headers.get("range", ""), blob.size)
        if within is None:
            headers += sums_of(blob, call.headers)
        start, stop = within or (0, blob.size)
        if within is not None:
            headers.append(("content-range", f"bytes {start}-{max(stop - 1, 0)}/{blob.size}"))
        headers += self._part_headers(call, held)
        headers += _tamed(call, blob)
        headers.append(("content-length", str(stop - start)))
        call.asked.count("blob_reads")
        return self._answer(held, start, stop, headers, partial=within is not None, head=head)

    def _answer(
        self,
        held: Held,
        start: int,
        stop: int,
        headers: list[tuple[str, str]],
        *,
        partial: bool,
        head: bool,
    ) -> AwsAnswer:
        status = 206 if partial else 200
        if head or start == stop:
            return AwsAnswer(status=status, headers=headers)
        if len(held.pieces) == 1 and not held.pieces[0].name:
            return AwsAnswer(status=status, headers=headers, body=held.pieces[0].data[start:stop])
        chunks = self._means.store.read(held, start=start, stop=stop)
        return AwsAnswer(status=status, headers=headers, chunks=chunks)

    def _judge(self, call: Call, blob: Blob, headers: list[tuple[str, str]]) -> AwsAnswer | None:
        verdict = judge_read(condition_of(call.headers), blob)
        if verdict is Verdict.FAILED:
            name = "If-Match" if "if-match" in call.headers else "If-Unmodified-Since"
            raise refuse("PreconditionFailed", Condition=name)
        if verdict is Verdict.UNCHANGED:
            named = ("etag", "last-modified", "x-amz-version-id", "cache-control", "expires")
            return AwsAnswer(status=304, headers=[one for one in headers if one[0] in named])
        return None

    def _part(self, call: Call, held: Held) -> tuple[int, int] | None:
        """The stretch that one part is."""
        said = call.query.get("partNumber")
        if said is None:
            return None
        if whole_number(said) < 1:
            raise refuse(
                "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"
            )
        if not made_of_parts(held):
            if int(said) != 1:
                raise refuse("InvalidPartNumber")
            return 0, held.blob.size
        at = _place_of(held, int(said))
        start = sum(piece.size for piece in held.pieces[:at])
        return start, start + held.pieces[at].size

    def _part_headers(self, call: Call, held: Held) -> list[tuple[str, str]]:
        if "partNumber" not in call.query or not made_of_parts(held):
            return []
        found = [("x-amz-mp-parts-count", str(len(held.pieces)))]
        if call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
            at = _place_of(held, int(call.query["partNumber"]))
            sums = Notes(held.blob.about.notes).part_sum(at)
            found += in_headers(sums, kind=type_of(held.blob.checksums))
        return found

    async def select(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        await self.find(call, place, lists.READ)
        raise refuse("NotImplemented", "Queries inside of objects are not here")

    async def torrent(self, call: Call) -> AwsAnswer:
        """There are none of them any more."""
        place = await self._means.place(call)
        await self.find(call, place, lists.READ)
        raise refuse("NoSuchKey", "Objects have no torrents here", Key=call.key)

    async def attributes(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        held = await self.find(call, place, lists.READ)
        wanted = [
            one.strip()
            for one in call.headers.get("x-amz-object-attributes", "").split(",")
            if one.strip()
        ]
        if not wanted or set(wanted) - set(_ATTRIBUTES):
            raise refuse("InvalidArgument", "Invalid attribute name specified.")
        blob, notes = held.blob, Notes(held.blob.about.notes)
        inner = ""
        if "ETag" in wanted:
            inner += tag("ETag", blob.etag)
        if "Checksum" in wanted and blob.checksums:
            inner += around("Checksum", in_markup(blob.checksums))
        if "ObjectParts" in wanted and made_of_parts(held):
            inner += self._object_parts(call, held)
        if "StorageClass" in wanted:
            inner += tag("StorageClass", notes.storage_class)
        if "ObjectSize" in wanted:
            inner += tag("ObjectSize", blob.size)
        headers = [("last-modified", http_date(blob.stored_at))]
        if place.versioned:
            headers.append(("x-amz-version-id", blob.version))
        return xml("GetObjectAttributesResponse", inner, headers=tuple(headers))

    def _object_parts(self, call: Call, held: Held) -> str:
        most = _count(call.headers.get("x-amz-max-parts"), 1000)
        after = _count(call.headers.get("x-amz-part-number-marker"), 0)
        notes, count = Notes(held.blob.about.notes), len(held.pieces)
        numbers = notes.numbers or range(1, count + 1)
        page = [(at, number) for at, number in enumerate(numbers) if number > after][:most]
        more = bool(page) and page[-1][0] + 1 < count
        inner = tag("PartsCount", count)
        inner += tag("PartNumberMarker", after) + tag("MaxParts", most)
        inner += tag("IsTruncated", yes(more))
        inner += tag("NextPartNumberMarker", page[-1][1] if page else 0)
        for at, number in page:
            inner += around(
                "Part",
                tag("PartNumber", number)
                + tag("Size", held.pieces[at].size)
                + in_markup(notes.part_sum(at), typed=False),
            )
        return around("ObjectParts", inner)

    async def find(
        self,
        call: Call,
        place: Place,
        permission: str,
        *,
        context: Mapping[str, str] | None = None,
    ) -> Held:
        """Find an object for who has this permission on it.

        Raises:
            AwsError: there is none, or it is not for the caller.
        """
        held = await self._means.store.find(call.app, call.naming)
        if held is None:
            raise await self._missing(call, place)
        if held.blob.marker:
            raise marked(held.blob, call.asked.method)
        notes = Notes(held.blob.about.notes)
        tags = {
            f"s3:ExistingObjectTag/{name}": value for name, value in held.blob.about.tags.items()
        }
        more = {**tags, **(context or {})}
        self._means.access.object(call, place, notes, permission, context=more)
        return held

    async def _missing(self, call: Call, place: Place) -> AwsError:
        """Say that it is not there, to who may know that."""
        self._means.access.unknown(call, place)
        if call.query.get("versionId"):
            return refuse("NoSuchVersion", Key=call.key, VersionId=call.query["versionId"])
        error = no_key(call.key)
        error.headers = (("x-amz-delete-marker", "false"),)
        if place.versioned:
            listing = Listing(bucket=call.bucket, prefix=call.key, count_max=1)
            page = await self._means.store.versions(call.app, listing)
            top = page.blobs[0] if page.blobs else None
            if top is not None and top.key == call.key and top.marker:
                error.headers = (("x-amz-delete-marker", "true"), ("x-amz-version-id", top.version))
        return error


def _tamed(call: Call, blob: Blob) -> list[tuple[str, str]]:
    """With the bucket in the path an object has the origin of the whole node: what somebody has
    put there must not act as that. With the bucket in the host's name it has one of its own.
    """
    if call.asked.named:
        return []
    try:
        refuse_to_run(call.headers.get("sec-fetch-dest", ""))
    except NotAllowed as error:
        raise refuse("AccessDenied", error.message) from None
    return boxed_headers(call.query.get("response-content-type") or blob.about.content_type)


def marked(blob: Blob, method: str) -> AwsError:
    """A version that is named and is a deletion's marker cannot be read."""
    error = refuse("MethodNotAllowed", Method=method, ResourceType="DeleteMarker")
    error.headers = (
        ("x-amz-delete-marker", "true"),
        ("x-amz-version-id", blob.version),
        ("last-modified", http_date(blob.stored_at)),
        ("allow", "DELETE"),
    )
    return error


def made_of_parts(held: Held) -> bool:
    return "-" in held.blob.etag and len(held.pieces) == int(held.blob.etag.partition("-")[2])


def _place_of(held: Held, number: int) -> int:
    """Say the how manieth a part is.

    Raises:
        AwsError: there is none of that number.
    """
    numbers = Notes(held.blob.about.notes).numbers or range(1, len(held.pieces) + 1)
    if number not in numbers:
        raise refuse("InvalidPartNumber")
    return numbers.index(number)


def _count(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if whole_number(text) < 0:
        raise refuse("InvalidArgument", "Provided number is not an integer or within integer range")
    return min(int(text), 1000) if otherwise else int(text)
