"""S3 on the blobs of this node."""

from collections.abc import AsyncIterator

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.assembly.aws.s3_people import AccountPeople
from tapwater_server.clouds.aws.s3.access import Access
from tapwater_server.clouds.aws.s3.handlers import make_s3
from tapwater_server.clouds.aws.s3.places import Places
from tapwater_server.clouds.aws.s3.stores import Completing, Means, Taking
from tapwater_server.clouds.aws.s3_events.notifying import Announcing
from tapwater_server.model.blob import About, Blob, Bucket, Cause, Part, Upload
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import Held, Naming
from tapwater_server.services.blobs.service import Blobs, Terms
from tapwater_server.services.blobs.uploads import Joining, Uploads


class OwnBlobs:
    """Our own blobs and uploads, as S3 asks for them: see ``clouds/aws/s3/stores.py``."""

    def __init__(self, *, blobs: Blobs, uploads: Uploads) -> None:
        self._blobs, self._uploads = blobs, uploads
        self.buckets = blobs.buckets
        self.put_bucket = blobs.put_bucket
        self.drop_bucket = blobs.drop_bucket
        self.read = blobs.read
        self.list = blobs.list
        self.versions = blobs.versions
        self.copy = blobs.copy
        self.delete = blobs.delete
        self.parts = uploads.parts
        self.uploads = uploads.list
        self.abort = uploads.abort

    async def bucket(self, app: AppId, name: str) -> Bucket | None:
        return await self._blobs.facts.bucket(app, name)

    async def find(self, app: AppId, naming: Naming) -> Held | None:
        return await self._blobs.facts.find(app, naming)

    async def put(
        self, app: AppId, naming: Naming, chunks: AsyncIterator[bytes], taking: Taking, cause: Cause
    ) -> Blob:
        terms = Terms(
            condition=taking.condition,
            wanted=taking.wanted,
            bytes_max=taking.bytes_max,
            judge=taking.judge,
        )
        return await self._blobs.put(
            app, naming, chunks, about=taking.about, terms=terms, cause=cause
        )

    async def describe(self, app: AppId, naming: Naming, about: About) -> Blob | None:
        return await self._blobs.facts.describe(app, naming, about)

    async def begin(self, app: AppId, naming: Naming, about: About) -> Upload:
        return await self._uploads.begin(app, naming, about=about)

    async def upload(self, app: AppId, id: str) -> Upload | None:
        return await self._blobs.facts.upload(app, id)

    async def put_part(
        self, app: AppId, upload: str, number: int, chunks: AsyncIterator[bytes], taking: Taking
    ) -> Part:
        terms = Terms(wanted=taking.wanted, bytes_max=taking.bytes_max, judge=taking.judge)
        return await self._uploads.put_part(app, upload, number, chunks, terms=terms)

    async def complete(self, app: AppId, upload: str, completing: Completing, cause: Cause) -> Blob:
        joining = Joining(
            checksum=completing.checksum,
            whole=completing.whole,
            about=completing.about,
            judge=completing.judge,
        )
        return await self._uploads.complete(
            app,
            upload,
            completing.parts,
            condition=completing.condition,
            joining=joining,
            cause=cause,
        )


async def open_s3(ground: AwsGround) -> AwsPart:
    """Build the service on the blobs that are there already."""
    node, blobs = ground.node, ground.parts["blobs"]
    uploads = Uploads(facts=blobs.facts, streams=blobs.streams, clock=node.clock, ids=node.ids)
    means = Means(
        store=OwnBlobs(blobs=blobs, uploads=uploads),
        places=Places(facts=node.stores.facts),
        access=Access(),
        people=AccountPeople(facts=node.stores.facts),
        clock=node.clock,
        announcing=Announcing(targets=ground.targets, clock=node.clock, ids=node.ids),
    )
    return AwsPart(names=("s3",), service=make_s3(means, ground.keys))
