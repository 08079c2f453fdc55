"""ListBuckets, ListObjects (both kinds) and ListObjectVersions."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3 import acl as lists
from tapwater_server.clouds.aws.s3.acl import written_owner
from tapwater_server.clouds.aws.s3.call import Call, xml
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.folding import Folded, fold_versions
from tapwater_server.clouds.aws.s3.markup import around, said, tag, yes
from tapwater_server.clouds.aws.s3.notes import Notes
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.ranges import whole_number
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.clouds.aws.s3.sums import ALGORITHMS, type_of
from tapwater_server.clouds.aws.s3.times import iso
from tapwater_server.model.blob import Blob, Page
from tapwater_server.ports.blobs import PAGE_MAX, Listing

Encode = Callable[[str], str]


class Listings:
    """Lists buckets and what is in them."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def buckets(self, call: Call) -> AwsAnswer:
        if not call.who.known:
            raise refuse("AccessDenied")
        prefix = call.query.get("prefix", "")
        after = (
            read_token(call.query["continuation-token"])
            if "continuation-token" in call.query
            else ""
        )
        most = count_of(call.query.get("max-buckets"), 10_000, least=1)
        owner = self._means.people.owner(call.asked.caller).id
        places = [
            self._means.places.place(call.account, bucket, owner=owner)
            for bucket in await self._means.store.buckets(call.app)
        ]
        mine = [
            place
            for place in places
            if place.owner == call.who.id and place.name.startswith(prefix) and place.name > after
        ]
        shown, token = mine[:most], ""
        if len(mine) > most:
            token = write_token(shown[-1].name)
        written = "".join(self._bucket(call, place) for place in shown)
        return xml(
            "ListAllMyBucketsResult",
            written_owner(call.who)
            + around("Buckets", written)
            + said("ContinuationToken", token)
            + said("Prefix", prefix),
        )

    def _bucket(self, call: Call, place: Place) -> str:
        return around(
            "Bucket",
            tag("Name", place.name)
            + tag("CreationDate", iso(place.bucket.created_at))
            + tag("BucketRegion", place.region or call.account.region),
        )

    async def objects(self, call: Call) -> AwsAnswer:
        place = await self._listed(call)
        query, encode = call.query, encoding_of(call)
        marker = query.get("marker", "")
        listing = listing_of(call, after=marker)
        page = await self._means.store.list(call.app, listing)
        head = (
            tag("Name", call.bucket)
            + tag("Prefix", listing.prefix)  # Clients decode the others, but not this one.
            + tag("Marker", encode(marker))
            + (said("NextMarker", encode(page.next)) if listing.delimiter else "")
            + self._common(call, listing, page, encode)
        )
        return xml("ListBucketResult", head + self._contents(call, place, page, encode, owned=True))

    async def objects_v2(self, call: Call) -> AwsAnswer:
        place = await self._listed(call)
        query, encode = call.query, encoding_of(call)
        token, after = query.get("continuation-token"), query.get("start-after", "")
        listing = listing_of(call, after=read_token(token) if token else after)
        page = await self._means.store.list(call.app, listing)
        count = len(page.blobs) + len(page.prefixes)
        head = (
            tag("Name", call.bucket)
            + tag("Prefix", encode(listing.prefix))
            + (tag("StartAfter", encode(after)) if "start-after" in query else "")
            + (tag("ContinuationToken", token) if token is not None else "")
            + (said("NextContinuationToken", write_token(page.next)) if page.next else "")
            + tag("KeyCount", count)
            + self._common(call, listing, page, encode)
        )
        owned = query.get("fetch-owner", "").lower() == "true"
        return xml(
            "ListBucketResult", head + self._contents(call, place, page, encode, owned=owned)
        )

    async def versions(self, call: Call) -> AwsAnswer:
        place = await self._listed(call)
        query, encode = call.query, encoding_of(call)
        after, version = query.get("key-marker", ""), query.get("version-id-marker", "")
        if version and not after:
            raise refuse(
                "InvalidArgument", "A version-id marker cannot be specified without a key marker."
            )
        listing = listing_of(call, after=after)
        folded = await fold_versions(
            lambda one, start: self._means.store.versions(call.app, one, after_version=start),
            listing,
            after_version=version,
        )
        head = (
            tag("Name", call.bucket)
            + tag("Prefix", encode(listing.prefix))
            + tag("KeyMarker", encode(after))
            + tag("VersionIdMarker", version)
            + (said("NextKeyMarker", encode(folded.next_key)) if folded.truncated else "")
            + (said("NextVersionIdMarker", folded.next_version) if folded.truncated else "")
            + tag("MaxKeys", query.get("max-keys", PAGE_MAX))
            + said("Delimiter", encode(listing.delimiter))
            + tag("IsTruncated", yes(folded.truncated))
            + said("EncodingType", query.get("encoding-type", ""))
        )
        return xml("ListVersionsResult", head + self._versions(call, place, folded, encode))

    async def _listed(self, call: Call) -> Place:
        place = await self._means.place(call)
        self._means.access.bucket(call, place, lists.READ)
        call.asked.count("blob_reads")
        return place

    def _common(self, call: Call, listing: Listing, page: Page, encode: Encode) -> str:
        return (
            tag("MaxKeys", min(listing.count_max, PAGE_MAX))
            + said("Delimiter", encode(listing.delimiter))
            + tag("IsTruncated", yes(bool(page.next)))
            + said("EncodingType", call.query.get("encoding-type", ""))
        )

    def _contents(
        self, call: Call, place: Place, page: Page, encode: Encode, *, owned: bool
    ) -> str:
        lines = []
        for blob in page.blobs:
            inner = tag("Key", encode(blob.key)) + _facts(blob)
            if owned:
                inner += self._owner(call, place, blob)
            lines.append(around("Contents", inner))
        return "".join(lines) + _prefixes(page.prefixes, encode)

    def _versions(self, call: Call, place: Place, folded: Folded, encode: Encode) -> str:
        lines = []
        for blob in folded.blobs:
            inner = tag("Key", encode(blob.key)) + tag("VersionId", blob.version)
            inner += tag("IsLatest", yes(blob.current))
            inner += tag("LastModified", iso(blob.stored_at)) if blob.marker else _facts(blob)
            inner += self._owner(call, place, blob)
            lines.append(around("DeleteMarker" if blob.marker else "Version", inner))
        return "".join(lines) + _prefixes(folded.prefixes, encode)

    def _owner(self, call: Call, place: Place, blob: Blob) -> str:
        return written_owner(self._means.person(call, Notes(blob.about.notes).owner(place)))


def _facts(blob: Blob) -> str:
    """What is said of an object in a listing."""
    sums = "".join(
        tag("ChecksumAlgorithm", ALGORITHMS[name][0]) + tag("ChecksumType", type_of(blob.checksums))
        for name in blob.checksums
        if name in ALGORITHMS
    )
    return (
        tag("LastModified", iso(blob.stored_at))
        + tag("ETag", f'"{blob.etag}"')
        + sums
        + tag("Size", blob.size)
        + tag("StorageClass", Notes(blob.about.notes).storage_class)
    )


def _prefixes(prefixes: tuple[str, ...], encode: Encode) -> str:
    return "".join(around("CommonPrefixes", tag("Prefix", encode(one))) for one in prefixes)


def listing_of(call: Call, *, after: str) -> Listing:
    """Read what is to be listed."""
    query = call.query
    listing = Listing(
        bucket=call.bucket,
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        count_max=min(count_of(query.get("max-keys"), PAGE_MAX), PAGE_MAX),
    )
    return replace(listing, after=after)


def encoding_of(call: Call) -> Encode:
    """Say how names are written.

    Raises:
        AwsError: it is not known here.
    """
    said = call.query.get("encoding-type", "")
    if said not in ("", "url"):
        raise refuse("InvalidArgument", "Invalid Encoding Method specified in Request")
    return (lambda text: quote(text, safe="/-_.~*")) if said else str


def count_of(text: str | None, otherwise: int, *, least: int = 0) -> int:
    """Read how many are wanted.

    Raises:
        AwsError: InvalidArgument.
    """
    if text is None or text == "":
        return otherwise
    if not least <= whole_number(text) <= 2**31 - 1:
        raise refuse(
            "InvalidArgument",
            "Provided max-keys not an integer or within integer range",
            ArgumentName="max-keys",
            ArgumentValue=text,
        )
    return int(text)


def write_token(name: str) -> str:
    """Make what a listing is continued with."""
    return urlsafe_b64encode(name.encode()).decode()


def read_token(token: str) -> str:
    """Read it again.

    Raises:
        AwsError: it is none of ours.
    """
    try:
        return urlsafe_b64decode(token).decode()
    except ValueError:
        raise refuse("InvalidArgument", "The continuation token provided is incorrect") from None
