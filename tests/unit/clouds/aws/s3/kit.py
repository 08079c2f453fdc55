"""S3 in memory, asked as the front asks it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import urlencode

from tapwater_server.assembly.aws.s3 import OwnBlobs
from tapwater_server.assembly.aws.s3_people import AccountPeople
from tapwater_server.backends.memory.blob_bytes import MemoryBlobBytes
from tapwater_server.backends.memory.blobs import MemoryBlobFacts
from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.s3.access import Access
from tapwater_server.clouds.aws.s3.handlers import make_s3
from tapwater_server.clouds.aws.s3.places import Places
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.model.ids import AppId
from tapwater_server.services.blobs.service import Blobs
from tapwater_server.services.blobs.streams import Streams
from tapwater_server.services.blobs.uploads import Uploads
from tapwater_server.testing.clock import CountingIds, ManualClock

ACCOUNT = Account(id="000000000000", home=AppId("aws"))
ROOT = Caller(account=ACCOUNT, arn="arn:aws:iam::000000000000:root", access_key="AKIA")


class NoSigners:
    """Nobody signs forms here."""

    def find(self, access_key: str, token: str) -> None:
        return None


class NobodyListens:
    """Takes what is said when a bucket is to tell somebody."""

    async def announce(self, *given: object, **more: object) -> None:
        return None


class Asking:
    """Takes requests apart, and asks."""

    def __init__(self) -> None:
        self.clock, ids = ManualClock(), CountingIds()
        self.facts = MemoryFacts()
        facts = MemoryBlobFacts(clock=self.clock, ids=ids, tell=lambda events: None)
        streams = Streams(bytes=MemoryBlobBytes(clock=self.clock), ids=ids)
        uploads = Uploads(facts=facts, streams=streams, clock=self.clock, ids=ids)
        blobs = Blobs(facts=facts, streams=streams, clock=self.clock)
        means = Means(
            store=OwnBlobs(blobs=blobs, uploads=uploads),
            places=Places(facts=self.facts),
            access=Access(),
            people=AccountPeople(facts=self.facts),
            clock=self.clock,
            announcing=NobodyListens(),
        )
        self.s3 = make_s3(means, NoSigners())

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        caller: Caller = ROOT,
    ) -> AwsAnswer:
        """Ask, and give an error as it would be written."""

        async def once() -> AsyncIterator[bytes]:
            yield body

        asked = AwsAsked(
            caller=caller,
            service="s3",
            id="the-id",
            method=method,
            path=path,
            query=query,
            headers=headers or {},
            body=once,
            whole=body,
            size=len(body),
            host="localhost",
            raw_query=urlencode(query),
        )
        try:
            return await self.s3.answer(asked)
        except AwsError as error:
            return self.s3.refused(error, asked, id="the-id")


def text_of(answer: AwsAnswer) -> str:
    return answer.body.decode()
