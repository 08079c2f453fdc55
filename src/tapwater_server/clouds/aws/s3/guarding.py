"""Bucket policies and blocks on public access."""

from dataclasses import asdict
from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.policies.judging import parse_policy
from tapwater_server.clouds.aws.s3 import acl as lists
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import tag, text_of, yes
from tapwater_server.clouds.aws.s3.places import Block, Place
from tapwater_server.clouds.aws.s3.publicity import checked, is_public
from tapwater_server.clouds.aws.s3.stores import Means

POLICY_BYTES_MAX = 20 << 10  # As in S3.
_BLOCKS = {
    "BlockPublicAcls": "acls",
    "IgnorePublicAcls": "ignored",
    "BlockPublicPolicy": "policies",
    "RestrictPublicBuckets": "restricted",
}


class Guarding:
    """Keeps who may come in."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def get_policy(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._owns(call, place)
        fact = self._means.places.policy(call.account, call.bucket)
        if fact is None:
            raise refuse("NoSuchBucketPolicy", BucketName=call.bucket)
        headers = (("content-type", "application/json"),)
        return AwsAnswer(headers=headers, body=str(fact.value["text"]).encode())

    async def put_policy(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._owns(call, place)
        body = await call.body()
        if len(body) > POLICY_BYTES_MAX:
            raise refuse("MalformedPolicy", "Policy exceeds the maximum allowed document size.")
        text = body.decode("utf-8", "replace")
        policy = checked(text, call.bucket)
        if place.block is not None and place.block.policies and is_public(policy):
            raise refuse("AccessDenied")
        await self._means.places.set_policy(call.account, call.bucket, text)
        return done()

    async def delete_policy(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._owns(call, place)
        await self._means.places.set_policy(call.account, call.bucket, None)
        return done()

    async def policy_status(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._owns(call, place)
        public = place.policy is not None and is_public(parse_policy(place.policy))
        listed = lists.is_public(place.acl) and not place.enforced
        return xml("PolicyStatus", tag("IsPublic", yes(public or listed)))

    async def get_block(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        if place.block is None:
            raise refuse("NoSuchPublicAccessBlockConfiguration", BucketName=call.bucket)
        kept = asdict(place.block)
        inner = "".join(tag(name, yes(kept[ours])) for name, ours in _BLOCKS.items())
        return xml("PublicAccessBlockConfiguration", inner)

    async def put_block(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        block = _block_of(await call.markup("PublicAccessBlockConfiguration"))
        await self._means.places.change(
            call.account, call.bucket, owner=place.owner, block=asdict(block)
        )
        return done(200)

    async def delete_block(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        await self._means.places.change(call.account, call.bucket, owner=place.owner, block=None)
        return done()

    def _owns(self, call: Call, place: Place) -> None:
        """Who owns a bucket is not shut out by its policy for good."""
        if not (call.who.known and call.who.id == place.owner):
            self._means.access.bucket(call, place)


def _block_of(root: Element) -> Block:
    return Block(**{ours: text_of(root, name).lower() == "true" for name, ours in _BLOCKS.items()})
