"""Lifecycle configurations of buckets: kept as sent, and obeyed by our own lifecycle."""

from dataclasses import replace

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.lifecycle_rules import name_rules, rules_of, spelled
from tapwater_server.clouds.aws.s3.markup import inside, kept, read
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.model.blob import LifecycleRule

_KIND = "lifecycle"
_SIZE = "x-amz-transition-default-minimum-object-size"


class Lifecycles:
    """Shows and changes what a bucket lets go by itself."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def get(self, call: Call) -> AwsAnswer:
        place = await self._owned(call)
        text = self._means.places.config(call.account, _KIND, call.bucket)
        rules = place.bucket.lifecycle
        if text is None and not rules:
            raise refuse("NoSuchLifecycleConfiguration", BucketName=call.bucket)
        if text is None or rules_of(read(text.encode())) != rules:
            text = spelled(rules)  # Our own API has changed them since.
        return xml(
            "LifecycleConfiguration",
            inside(read(text.encode())),
            headers=((_SIZE, "all_storage_classes_128K"),),
        )

    async def put(self, call: Call) -> AwsAnswer:
        place = await self._owned(call)
        root = await call.markup("LifecycleConfiguration")
        rules = rules_of(root)
        name_rules(root, call.asked.id)
        await self._means.places.set_config(call.account, _KIND, call.bucket, kept(root))
        await self._set(call, place, rules)
        return done(200, (_SIZE, "all_storage_classes_128K"))

    async def delete(self, call: Call) -> AwsAnswer:
        place = await self._owned(call)
        await self._set(call, place, ())
        await self._means.places.set_config(call.account, _KIND, call.bucket, None)
        return done()

    async def _set(self, call: Call, place: Place, rules: tuple[LifecycleRule, ...]) -> None:
        await self._means.store.put_bucket(call.app, replace(place.bucket, lifecycle=rules))

    async def _owned(self, call: Call) -> Place:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        return place
