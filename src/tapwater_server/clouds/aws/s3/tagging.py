"""Tags of buckets and of objects, asked for and changed."""

from dataclasses import replace

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import inside, read
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.reading import Reading
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.clouds.aws.s3.tags import BUCKET_MAX, OBJECT_MAX, read_tags, tag_set
from tapwater_server.ports.blobs import Held

_KIND = "tagging"


class Tagging:
    """Keeps tags."""

    def __init__(self, means: Means, reading: Reading) -> None:
        self._means, self._reading = means, reading

    async def get_object(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        held = await self._reading.find(call, place, "")
        return xml("Tagging", tag_set(held.blob.about.tags), headers=_version(place, held))

    async def put_object(self, call: Call) -> AwsAnswer:
        root = await call.markup("Tagging")
        tags = read_tags(root, most=OBJECT_MAX)
        context = {f"s3:RequestObjectTag/{name}": value for name, value in tags.items()}
        return await self._set(call, tags, context)

    async def delete_object(self, call: Call) -> AwsAnswer:
        answer = await self._set(call, {}, {})
        return replace(answer, status=204)

    async def _set(self, call: Call, tags: dict[str, str], context: dict[str, str]) -> AwsAnswer:
        place = await self._means.place(call)
        held = await self._reading.find(call, place, "", context=context)
        await self._means.redescribe(
            call, held.blob.version, lambda about: replace(about, tags=tags)
        )
        return AwsAnswer(headers=_version(place, held))

    async def get_bucket(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        text = self._means.places.config(call.account, _KIND, call.bucket)
        if text is None:
            raise refuse("NoSuchTagSet", BucketName=call.bucket)
        return xml("Tagging", inside(read(text.encode())))

    async def put_bucket(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        tags = read_tags(await call.markup("Tagging"), most=BUCKET_MAX)
        text = f"<Tagging>{tag_set(tags)}</Tagging>" if tags else None
        await self._means.places.set_config(call.account, _KIND, call.bucket, text)
        return done(204)

    async def delete_bucket(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        await self._means.places.set_config(call.account, _KIND, call.bucket, None)
        return done()


def _version(place: Place, held: Held) -> tuple[tuple[str, str], ...]:
    return (("x-amz-version-id", held.blob.version),) if place.versioned else ()
