"""SQS in memory, and ways to ask it: plainly, as a form, or with boto3 and no network."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.backends.memory.queues import MemoryQueues
from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.sqs.book import QueueBook
from tapwater_server.clouds.aws.sqs.holding import Holder
from tapwater_server.clouds.aws.sqs.messages import MessageOperations
from tapwater_server.clouds.aws.sqs.mover import Mover
from tapwater_server.clouds.aws.sqs.moves import MoveOperations
from tapwater_server.clouds.aws.sqs.queues import QueueOperations
from tapwater_server.clouds.aws.sqs.receiving import Receiver
from tapwater_server.clouds.aws.sqs.sending import Sender
from tapwater_server.clouds.aws.sqs.service import SqsService
from tapwater_server.clouds.aws.sqs.targets import QueueTargets
from tapwater_server.model.ids import AppId
from tapwater_server.services.queues.service import QueueService
from tapwater_server.testing.clock import CountingIds, ManualClock

HOST = "127.0.0.1:8080"
ACCOUNT = Account(id="000000000000", home=AppId("aws"))
CALLER = Caller(account=ACCOUNT, name="ada", id="AIDAADA", access_key="AKIAADA")


class House:
    """A service with everything below it, in memory, on a clock wound by hand."""

    def __init__(self) -> None:
        self.clock, self.ids = ManualClock(), CountingIds()
        self.bus, self.queues, self.facts = (
            MemoryBus(clock=self.clock),
            MemoryQueues(),
            MemoryFacts(),
        )
        self.native = QueueService(queues=self.queues, bus=self.bus, clock=self.clock, ids=self.ids)
        self.book = QueueBook(queues=self.queues, facts=self.facts, bus=self.bus, clock=self.clock)
        sender = Sender(bus=self.bus, clock=self.clock, ids=self.ids)
        begun = asyncio.Event()
        self.mover = Mover(
            bus=self.bus, book=self.book, facts=self.facts, clock=self.clock, begun=begun
        )
        self.targets = QueueTargets(book=self.book, sender=sender)
        self.service = SqsService(
            messages=MessageOperations(
                book=self.book,
                sender=sender,
                receiver=Receiver(
                    bus=self.bus, book=self.book, arrivals=self.native.arrivals, clock=self.clock
                ),
                holder=Holder(bus=self.bus, clock=self.clock),
                clock=self.clock,
            ),
            queues=QueueOperations(book=self.book, clock=self.clock),
            moves=MoveOperations(
                book=self.book, facts=self.facts, clock=self.clock, ids=self.ids, begun=begun
            ),
        )

    async def ask(self, action: str, **said: Any) -> Any:
        """Ask in JSON; give what is answered, or raise AwsError."""
        answer = await self.service.answer(asked(action, json.dumps(said).encode()))
        return json.loads(answer.body or b"{}")

    async def form(self, action: str, **said: str) -> str:
        """Ask with a form; give the XML."""
        body = urlencode({"Action": action, **said}).encode()
        request = asked("", body)
        try:
            answer = await self.service.answer(request)
        except AwsError as error:
            answer = self.service.refused(error, request, id="r1")
        return answer.body.decode()

    async def queue(self, name: str = "jobs", **attributes: str) -> str:
        """Make a queue; give its URL."""
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        made = await self.ask("CreateQueue", QueueName=name, Attributes=attributes)
        return str(made["QueueUrl"])

    async def receive(self, url: str, **said: Any) -> list[dict[str, Any]]:
        """Receive up to ten."""
        more = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], **said}
        found = await self.ask("ReceiveMessage", QueueUrl=url, **more)
        return list(found.get("Messages", []))


def asked(action: str, body: bytes, **facts: Any) -> AwsAsked:
    """Make a request as the front would; without an action it is a form."""

    async def read() -> AsyncIterator[bytes]:
        yield body

    headers = {"x-amz-target": f"AmazonSQS.{action}"} if action else {}
    plain = {"service": "sqs", "id": "r1", "method": "POST", "path": "/", "host": HOST}
    return AwsAsked(
        **{"caller": CALLER, "headers": headers, "body": read, "whole": body, **plain, **facts}
    )


class _Raw:
    """What botocore reads an answer from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._body


def client_of(service: Service, name: str = "sqs") -> Any:
    """Give a client of boto3 whose requests go straight to a service, on the loop that runs now.

    Its calls must be made in another thread.
    """
    loop = asyncio.get_running_loop()
    made = boto3.client(
        name,
        region_name="us-east-1",
        endpoint_url=f"http://{HOST}",
        aws_access_key_id="AKIAADA",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}),
    )

    async def answer(request: AwsAsked) -> AwsAnswer:
        try:
            return await service.answer(request)
        except AwsError as error:
            return service.refused(error, request, id="r1")

    def send(request: Any, **_: Any) -> AWSResponse:
        body = request.body or b""
        headers = {
            key.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for key, value in request.headers.items()
        }
        body = body.encode() if isinstance(body, str) else bytes(body)
        taken = asked("", body, headers=headers, path=urlsplit(request.url).path, service=name)
        said = asyncio.run_coroutine_threadsafe(answer(taken), loop).result(30)
        return AWSResponse(request.url, said.status, dict(said.headers), _Raw(said.body))

    made.meta.events.register("before-send", send)
    return made
