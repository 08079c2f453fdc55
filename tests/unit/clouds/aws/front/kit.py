"""A front with services that only say what they were asked, and requests as botocore signs them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.front.checking import Checker
from tapwater_server.clouds.aws.front.choosing import family_of
from tapwater_server.clouds.aws.front.counting import Counting
from tapwater_server.clouds.aws.front.entering import Entrance
from tapwater_server.clouds.aws.front.front import Directory, Front
from tapwater_server.clouds.aws.front.hastening import Hastening
from tapwater_server.clouds.aws.front.homes import Homes
from tapwater_server.clouds.aws.front.keys import Keys, Pair
from tapwater_server.clouds.aws.front.permits import Permits
from tapwater_server.clouds.aws.front.refusing import write_refusal
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import Span
from tapwater_server.ports.tracing import Tracer
from tapwater_server.testing.clock import ManualClock
from tests.unit.clouds.aws.front.homes_kit import NoReleases

KEY, SECRET = "AKIATESTS", "secret/of+tests"
ACCOUNT = Account(id="000000000000", home=AppId("aws"))
SERVICES = ("s3", "sqs", "lambda", "iam", "lambda-url", "logs")


@dataclass
class Saying:
    """Keeps ``Service``; remembers what it was asked."""

    asked: list[AwsAsked] = field(default_factory=list)
    body: bytes = b""
    answered: AwsAnswer = field(default_factory=AwsAnswer)
    raised: AwsError | None = None

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        self.asked.append(asked)
        self.body = b"".join([part async for part in asked.body()])
        if self.raised is not None:
            raise self.raised
        return self.answered

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        return write_refusal(error, family_of(self.name, {}), id=id)

    name: str = ""


@dataclass(kw_only=True)
class Said:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        """The error's code, whichever way it is written."""
        text = self.body.decode()
        if "<Code>" in text:
            return text.partition("<Code>")[2].partition("<")[0]
        return self.headers.get("x-amzn-errortype") or text.partition('__type":"')[2].split('"')[0]


class World:
    """A front and what it stands on."""

    def __init__(self, *, any_key: bool = False) -> None:
        # Botocore signs with this machine's time.
        self.clock = ManualClock(now=SystemClock().now())
        ids, registry = SystemIds(), MemoryRegistry()
        self.ids = ids
        self.facts, self.meter = MemoryFacts(), MemoryMeter()
        self.steps: list[Span] = []
        self.keys = Keys(
            facts=self.facts,
            ids=ids,
            node_key=b"k" * 32,
            account=ACCOUNT,
            fixed=None if any_key else Pair(access_key=KEY, secret=SECRET),
            any_key=any_key,
        )
        directory = Directory()
        self.services = {name: Saying(name=name) for name in SERVICES}
        for name, service in self.services.items():
            directory.add([name], service, ["/2015-03-31/"] if name == "lambda" else [])
        self.permits = Permits(clock=self.clock)
        checker = Checker(credentials=self.keys, clock=self.clock)
        homes = Homes(registry=registry, releases=NoReleases(registry).get)
        counting = Counting(
            meter=self.meter,
            tracer=Tracer(spans=self._stepped, clock=self.clock, ids=ids),
            clock=self.clock,
        )
        entrance = Entrance(checker=checker, credentials=self.keys, homes=homes)
        self.hastening = Hastening(
            checker=checker,
            credentials=self.keys,
            entrance=entrance,
            homes=homes,
            permits=self.permits,
            counting=counting,
            ids=ids,
            domains=("localhost",),
        )
        self.front = Front(
            directory=directory,
            entrance=entrance,
            permits=self.permits,
            counting=counting,
            hastening=self.hastening,
            ids=ids,
            domains=("localhost",),
            holds=lambda name: name == "photos",
        )

    def _stepped(self, span: Span) -> None:
        self.steps.append(span)
        self.meter.span(span)

    async def send(self, request: AWSRequest, *, by: int = 0) -> Said:
        """Let the front answer a request; ``by``: its body comes in pieces of so many bytes."""
        return await self.answer(scope_of(request), request.data or b"", by=by)

    async def answer(self, scope: dict[str, Any], body: bytes, *, by: int = 0) -> Said:
        """Let the front answer what came over the line."""
        pieces = [body[at : at + by] for at in range(0, len(body), by)] if by else [body]
        if not by:
            scope["tapwater"] = {"whole": body}
        said, left = Said(), iter(pieces)

        async def receive() -> dict[str, Any]:
            part = next(left, b"")
            return {"type": "http.request", "body": part, "more_body": bool(part)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                said.status = message["status"]
                said.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                said.body += message["body"]

        await self.front(scope, receive, send)
        return said


def scope_of(request: AWSRequest) -> dict[str, Any]:
    parts = urlsplit(request.url)
    headers = [
        (str(name).lower().encode(), value if isinstance(value, bytes) else str(value).encode())
        for name, value in request.headers.items()
    ]
    if not any(name == b"host" for name, _ in headers):
        headers.append((b"host", parts.netloc.encode()))
    return {
        "type": "http",
        "method": request.method,
        "scheme": parts.scheme,
        "path": parts.path,
        "raw_path": (parts.path or "/").encode(),
        "query_string": parts.query.encode(),
        "headers": headers,
        "client": ("127.0.0.1", 0),
    }


def request_of(
    url: str, *, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None
) -> AWSRequest:
    return AWSRequest(method=method, url=url, data=body, headers=headers or {})


def signed(
    request: AWSRequest,
    service: str,
    *,
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
    region: str = "us-east-1",
) -> AWSRequest:
    """Sign as botocore does."""
    credentials = BotoCredentials(key, secret, token)
    kind = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    kind(credentials, service, region).add_auth(request)
    return request


def presigned(request: AWSRequest, service: str = "s3", *, expires_s: int = 60) -> AWSRequest:
    credentials = BotoCredentials(KEY, SECRET)
    kind = auth.S3SigV4QueryAuth if service == "s3" else auth.SigV4QueryAuth
    kind(credentials, service, "us-east-1", expires=expires_s).add_auth(request)
    return request


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data
