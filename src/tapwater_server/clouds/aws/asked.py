"""One signed request to a service of AWS, what is answered, and the errors its clients know."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from tapwater_server.clouds.aws.account import Account, Caller

BODY_BYTES_MAX = 8 << 20  # Of a request that is read whole; Lambda's Invoke has 6 MB.


def _go_on() -> None:
    """Nobody can tell that the client has gone."""


@dataclass(slots=True, kw_only=True)
class AwsAsked:
    """One request, its signature checked. What a service's door is given."""

    caller: Caller
    service: str  # "s3", "sqs", "lambda": the scope of the signature, or what the path showed
    id: str  # a UUID, for x-amzn-RequestId
    method: str
    path: str  # as it was sent, without the query: still percent-encoded
    query: Sequence[tuple[str, str]] = ()  # decoded, in order, ("versioning", "") for ?versioning
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: Callable[[], AsyncIterator[bytes]]  # decoded of aws-chunked; to be read once
    whole: bytes | None = None  # the same, where all of it has come already
    host: str = ""  # as the client named us: "127.0.0.1:8080", "photos.s3.localhost:8080"
    scheme: str = "http"
    client: str = ""  # address of who asks
    trace: str = ""  # W3C traceparent of this step
    size: int | None = None  # bytes of the decoded body, where the client said so
    trailers: Mapping[str, str] = field(default_factory=dict)  # there once the body has been read
    used: dict[str, float] = field(default_factory=dict)  # quantities of model/usage.py
    named: str = ""  # what the host names: a bucket, the id of a function's URL or of an API
    raw_query: str = ""  # as it was sent, without "?"
    end_with_client: Callable[[], None] = _go_on  # from now on: cancelled when the client goes
    raw_headers: Sequence[tuple[bytes, bytes]] = ()  # as they came: one name maybe several times

    @property
    def account(self) -> Account:
        """Whose resources are meant."""
        return self.caller.account

    @property
    def secure(self) -> bool:
        """Whether nobody can read along (``aws:SecureTransport``): it came through TLS, or from
        this machine (or another service, see ``inside/``) and so over no network at all.
        """
        here = self.client.startswith("127.") or self.client in ("::1", "inside")
        return here or self.scheme == "https"

    def header_pairs(self) -> tuple[tuple[str, str], ...]:
        """Give the headers one by one, where ``headers`` joins those of one name."""
        if not self.raw_headers:
            return tuple(self.headers.items())
        return tuple(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw_headers]
        )

    def text(self, name: str) -> str | None:
        """Take a parameter of the query; None: it is not there."""
        return next((value for known, value in self.query if known == name), None)

    def count(self, quantity: str, amount: float = 1) -> None:
        """Note that this request used so much of what has a price."""
        self.used[quantity] = self.used.get(quantity, 0) + amount

    async def raw(self, *, bytes_max: int = BODY_BYTES_MAX) -> bytes:
        """Read the whole body.

        Raises:
            AwsError: RequestEntityTooLarge (413).
        """
        if self.whole is not None and len(self.whole) <= bytes_max:
            return self.whole
        parts = bytearray()
        async for part in self.body():
            parts += part
            if len(parts) > bytes_max:
                break
        if len(parts) > bytes_max:
            raise AwsError(
                "RequestEntityTooLarge", f"Request must be smaller than {bytes_max} bytes", 413
            )
        return bytes(parts)


@dataclass(slots=True, kw_only=True)
class AwsAnswer:
    """What goes back: bytes, or pieces. ``chunks`` is closed when the client has gone.

    Not frozen, for one is made for each call: a frozen one takes three times as long.
    """

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    chunks: AsyncIterator[bytes] | None = None


class AwsError(Exception):
    """An error as a service defines it: its code, a sentence, the HTTP status.

    ``facts`` are further members of the error's shape (``Type`` of Lambda, ``BucketName`` of S3).
    """

    fault: ClassVar[str] = "Sender"

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        headers: Sequence[tuple[str, str]] = (),
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.headers = headers
        self.facts: Mapping[str, str] = facts or {}


Told = Callable[[Callable[[], AwsAnswer]], None]  # What is called gives the answer, or raises.


class Known(Protocol):
    """Begins what requests with one head come to; all that differs between them is given.

    As ``Hasty.hasten``, which it stands for. ``trace``: W3C traceparent of the request's step.
    """

    def __call__(
        self, account: Account, body: bytes, told: Told, *, id: str, trace: bytes, client: str
    ) -> None: ...


class Hasty(Protocol):
    """Answers some requests in callbacks: for those, tasks would cost more than all the rest."""

    def wants(self, method: bytes, url: bytes) -> bool:
        """Say whether this may be one of them. Asked before anything is known of the request."""
        ...

    def hasten(self, asked: AwsAsked, told: Told) -> bool:
        """Begin; ``told`` hears the end, once, maybe before this returns. False: nothing has begun,
        and ``Service.answer`` is to be asked.

        Raises:
            AwsError: nothing has begun either.
        """
        ...

    def known(self, asked: AwsAsked) -> Known | None:
        """Give what stands for ``hasten`` at requests with the same path and names of headers, and
        of the same ``x-amz-invocation-type``. None: each has to be looked at.
        """
        ...


class Service(Protocol):
    """The door of one service: reads its own protocol, answers in it. Raises AwsError only."""

    async def answer(self, asked: AwsAsked) -> AwsAnswer: ...

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        """Write an error in the service's protocol; also for what never reached ``answer()``."""
        ...
