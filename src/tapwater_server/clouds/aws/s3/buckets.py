"""Buckets: made, looked at, removed; versioning, location, ownership, blocks, policies."""

from contextlib import suppress

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3 import acl as lists
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.errors import no_bucket, refuse
from tapwater_server.clouds.aws.s3.granting import Granting
from tapwater_server.clouds.aws.s3.markup import MarkupError, escape, read, tag, text_of
from tapwater_server.clouds.aws.s3.notes import acl_note
from tapwater_server.clouds.aws.s3.places import ENFORCED, PREFERRED, WRITER, Place
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.model.blob import Bucket, Versioning
from tapwater_server.model.blob_names import parse_bucket
from tapwater_server.model.errors import Conflict, Invalid, NotFound
from tapwater_server.ports.blobs import PAGE_MAX, Listing

OWNERSHIPS = (ENFORCED, PREFERRED, WRITER)
_DEFAULT_REGION = "us-east-1"


class Buckets:
    """Makes and removes buckets."""

    def __init__(self, means: Means, granting: Granting) -> None:
        self._means, self._granting = means, granting

    async def create(self, call: Call) -> AwsAnswer:
        if not call.who.known:
            raise refuse("AccessDenied")
        name = call.bucket
        check_name(name)
        region = await self._region(call)
        there = await self._means.store.bucket(call.app, name)
        if there is not None:
            return await self._again(call, there, region)
        ownership = call.headers.get("x-amz-object-ownership", "")
        if ownership and ownership not in OWNERSHIPS:
            raise refuse("InvalidArgument", "Invalid x-amz-object-ownership header")
        locks = call.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true"
        place = Place(
            name=name,
            bucket=Bucket(name=name),
            owner=call.who.id,
            acl=lists.own(call.who.id),
            ownership=ownership,
        )
        if ownership == ENFORCED and call.headers.get("x-amz-acl", "private") != "private":
            raise refuse("InvalidBucketAclWithObjectOwnership")
        acl = self._granting.asked(call, place, owner=call.who.id) or place.acl
        versioning = Versioning.ON if locks else Versioning.OFF
        try:
            await self._means.store.put_bucket(call.app, Bucket(name=name, versioning=versioning))
        except Conflict:
            raise refuse("TooManyBuckets") from None
        await self._means.places.change(
            call.account,
            name,
            owner=call.who.id,
            acl=acl_note(acl),
            ownership=ownership or None,
            locks=locks or None,
            region=region,
        )
        return AwsAnswer(headers=(("location", f"/{name}"),))

    async def _again(self, call: Call, bucket: Bucket, region: str) -> AwsAnswer:
        owner = self._means.people.owner(call.asked.caller).id
        place = self._means.places.place(call.account, bucket, owner=owner)
        if place.owner != call.who.id:
            raise refuse("BucketAlreadyExists", BucketName=call.bucket)
        # In the oldest region making a bucket again is no error, unless it would change it.
        if region != _DEFAULT_REGION:
            raise refuse("BucketAlreadyOwnedByYou", BucketName=call.bucket)
        acl = self._granting.asked(call, place, owner=place.owner) or lists.own(place.owner)
        if acl != place.acl and not place.enforced:
            raise refuse("BucketAlreadyExists", BucketName=call.bucket)
        return AwsAnswer(headers=(("location", f"/{call.bucket}"),))

    async def _region(self, call: Call) -> str:
        body = await call.body()
        asked = call.account.region  # The one that was signed for.
        if not body.strip():
            return _checked(asked, "")
        try:
            root = read(body)
        except MarkupError:
            raise refuse("MalformedXML") from None
        if root.tag != "CreateBucketConfiguration":
            raise refuse("MalformedXML")
        said = text_of(root, "LocationConstraint")
        return _checked(asked, {"EU": "eu-west-1"}.get(said, said))

    async def head(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place, lists.READ)
        region = place.region or call.account.region
        return AwsAnswer(
            headers=(("x-amz-bucket-region", region), ("content-type", "application/xml"))
        )

    async def delete(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        await self._give_up_uploads(call)
        try:
            gone = await self._means.store.drop_bucket(call.app, call.bucket)
        except Conflict:
            raise refuse("BucketNotEmpty", BucketName=call.bucket) from None
        if not gone:
            raise no_bucket(call.bucket)
        await self._means.places.forget(call.account, call.bucket)
        return done()

    async def _give_up_uploads(self, call: Call) -> None:
        """Unfinished uploads do not keep a bucket that has nothing else in it."""
        store = self._means.store
        page = await store.versions(call.app, Listing(bucket=call.bucket, count_max=1))
        while not page.blobs:
            found = await store.uploads(
                call.app, call.bucket, prefix="", after="", count_max=PAGE_MAX
            )
            if not found:
                return
            for upload in found:
                with suppress(NotFound):  # It has ended meanwhile.
                    await store.abort(call.app, upload.id)

    async def location(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place, lists.READ)
        region = place.region or call.account.region
        return xml("LocationConstraint", "" if region == _DEFAULT_REGION else escape(region))

    async def get_versioning(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        said = {Versioning.ON: "Enabled", Versioning.SUSPENDED: "Suspended"}
        status = said.get(place.bucket.versioning, "")
        return xml("VersioningConfiguration", tag("Status", status) if status else "")

    async def put_versioning(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        root = await call.markup("VersioningConfiguration")
        if text_of(root, "MfaDelete") == "Enabled":
            raise refuse("NotImplemented", "MFA delete is not here")
        wanted = {"Enabled": Versioning.ON, "Suspended": Versioning.SUSPENDED}
        status = wanted.get(text_of(root, "Status"))
        if status is None:
            raise refuse("MalformedXML")
        if place.locks and status is not Versioning.ON:
            raise refuse(
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state "
                "cannot be changed.",
            )
        bucket = Bucket(name=call.bucket, versioning=status, lifecycle=place.bucket.lifecycle)
        await self._means.store.put_bucket(call.app, bucket)
        return done(200)

    async def get_ownership(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        if not place.ownership:
            raise refuse("OwnershipControlsNotFoundError")
        rule = f"<Rule>{tag('ObjectOwnership', place.ownership)}</Rule>"
        return xml("OwnershipControls", rule)

    async def put_ownership(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        root = await call.markup("OwnershipControls")
        said = text_of(root, "Rule/ObjectOwnership")
        if len(root.findall("Rule")) != 1 or said not in OWNERSHIPS:
            raise refuse("MalformedXML")
        if said == ENFORCED and any(grant.to != place.owner for grant in place.acl):
            raise refuse("InvalidBucketAclWithObjectOwnership")
        await self._means.places.change(
            call.account, call.bucket, owner=place.owner, ownership=said
        )
        return done(200)

    async def delete_ownership(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        await self._means.places.change(
            call.account, call.bucket, owner=place.owner, ownership=None
        )
        return done()


def _checked(asked: str, said: str) -> str:
    """Let pass what may be made through the endpoint of a region; only the oldest makes for all.

    Raises:
        AwsError: it may not.
    """
    if asked == _DEFAULT_REGION:
        if said == _DEFAULT_REGION:
            raise refuse("InvalidLocationConstraint", LocationConstraint=said)
        return said or asked
    if said != asked:
        what = said or "unspecified"
        raise refuse(
            "IllegalLocationConstraintException",
            f"The {what} location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
        )
    return said


def check_name(name: str) -> None:
    """Let a name pass that S3 gives buckets.

    Raises:
        AwsError: InvalidBucketName.
    """
    try:
        parse_bucket(name)
    except Invalid:
        raise refuse("InvalidBucketName", BucketName=name[:100]) from None
    digits = name.split(".")
    address = len(digits) == 4 and all(one.isdigit() for one in digits)
    odd = any(mark in name for mark in (".-", "-."))
    reserved = name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(
        ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
    )
    if address or odd or reserved:
        raise refuse("InvalidBucketName", BucketName=name)
