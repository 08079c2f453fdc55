"""Lets a request in: its signature checked, its body made readable, its caller known."""

from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import cast
from urllib.parse import urlsplit

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.front import chunked, olden
from tapwater_server.clouds.aws.front.bodies import Gathering, check_digest, hashed
from tapwater_server.clouds.aws.front.canonical import UNSIGNED
from tapwater_server.clouds.aws.front.checking import Checker, Claim, Head
from tapwater_server.clouds.aws.front.choosing import BY_HOST, SCOPES
from tapwater_server.clouds.aws.front.credentials import Credentials
from tapwater_server.clouds.aws.front.homes import Homes
from tapwater_server.clouds.aws.front.reading import Seen
from tapwater_server.clouds.aws.front.troubles import Trouble, Troubled
from tapwater_server.web.asked import in_one
from tapwater_server.web.scope import DOOR, Door, Receive, Scope, pieces
from tapwater_server.web.sending import end_with_client

_HEX = frozenset("0123456789abcdefABCDEF")
_ANYBODY = BY_HOST | {"s3", "sns", "sts"}  # These look at requests that nobody signed.
_HOMELESS = BY_HOST | {"sts", "iam"}  # These keep nothing in a home.
_SIGNATURES = frozenset({"X-Amz-Signature", "X-Amz-Algorithm", "Signature"})
_DIGITS_MAX = 15
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Entrance:
    """Makes an ``AwsAsked`` of what came through the door."""

    def __init__(self, *, checker: Checker, credentials: Credentials, homes: Homes) -> None:
        self._checker, self._credentials = checker, credentials
        self._homes = homes
        self._gathering = Gathering()

    async def admit(
        self, seen: Seen, name: str, scope: Scope, receive: Receive, *, id: str
    ) -> AwsAsked:
        """Check who asks.

        Raises:
            Troubled: the signature is not good.
            AwsError: the body cannot be read.
        """
        door = cast(Door, scope.get(DOOR, {}))
        asked = AwsAsked(
            caller=self._credentials.nobody,
            service=name,
            id=id,
            method=seen.head.method,
            path=seen.path,
            query=seen.head.query,
            headers=seen.head.headers,
            raw_headers=scope["headers"],
            body=partial(pieces, receive),
            whole=door.get("whole"),
            host=seen.host,
            scheme=scope.get("scheme", "http"),
            client=(scope.get("client") or ("", 0))[0],
            size=_size(seen.head.headers.get("content-length", "")),
            named=seen.place.named,
            raw_query=seen.head.raw_query,
            end_with_client=partial(end_with_client, scope),
        )
        if asked.whole is not None:
            asked.size = len(asked.whole)
            asked.body = partial(in_one, asked.whole)
        claim = self.claim(seen, name)
        if claim is not None:
            asked.caller = claim.credential.caller_in(claim.signature.scoped.region)
        elif name not in _ANYBODY:
            raise Troubled(Trouble.NOBODY)
        if name == "s3":
            await self._admit_object(seen, asked, claim)
        elif claim is not None:
            await self._admit_whole(seen, asked, claim)
        if name not in _HOMELESS and asked.caller.known:
            await self._homes.ensure(asked.account)
        return asked

    def claim(self, seen: Seen, name: str) -> Claim | None:
        """Read who signed; None: nobody. Whether they signed this is not checked yet.

        Raises:
            Troubled: the signature cannot be good.
        """
        if not seen.signed or _asks_ahead(seen, name):
            return None
        try:
            check_single(seen.head)
            claim = self._checker.claim(seen.head)
        except Troubled:
            if name in BY_HOST:
                return None  # What is not for us is for the function.
            raise
        if claim.signature.scoped.service != SCOPES.get(name, name):
            return None  # Signed for another service than its host says.
        if not claim.credential.secret:
            refuse_strange_page(seen.head.headers)
        return claim

    async def _admit_whole(self, seen: Seen, asked: AwsAsked, claim: Claim) -> None:
        """The signature covers the whole body, so all of it is read first."""
        whole = asked.whole
        if whole is None:
            whole = asked.whole = await self._gathering.whole(asked.body())
            asked.size = len(whole)
            asked.body = partial(in_one, whole)
        said = seen.head.headers.get("x-amz-content-sha256")
        payload = UNSIGNED if said == UNSIGNED else sha256(whole).hexdigest()
        try:
            self._checker.compare(claim, seen.head, payload)
        except Troubled:
            if asked.service not in BY_HOST:
                raise
            asked.caller = self._credentials.nobody

    async def _admit_object(self, seen: Seen, asked: AwsAsked, claim: Claim | None) -> None:
        """The signature names the body's hash or says that there is none: it need not wait."""
        said = seen.head.headers.get("x-amz-content-sha256", UNSIGNED)
        if claim is not None:
            self._checker.compare(claim, seen.head, claim.payload)
            said = claim.payload
        elif olden.is_signed(seen.head) and not _asks_ahead(seen, "s3"):
            asked.caller = olden.check(
                seen.head,
                seen.place.named,
                credentials=self._credentials,
                now=self._checker.now(),
            )
        if said.startswith(chunked.STREAMED):
            await self._unchunk(asked, said, claim)
        elif len(said) == 64 and _HEX.issuperset(said):
            if asked.whole is not None:
                check_digest(sha256(asked.whole).hexdigest(), said)
            else:
                body = asked.body
                asked.body = lambda: hashed(body(), said)
        elif said != UNSIGNED:
            raise AwsError(
                "InvalidArgument",
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD,"
                " STREAMING-UNSIGNED-PAYLOAD-TRAILER,"
                " STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
                " or a valid sha256 value.",
                400,
            )

    async def _unchunk(self, asked: AwsAsked, said: str, claim: Claim | None) -> None:
        size = _size(asked.headers.get("x-amz-decoded-content-length", ""))
        if said not in chunked.SIGNED and said != chunked.UNSIGNED:
            raise AwsError("NotImplemented", f"{said[:60]} is not implemented.", 501)
        if size is None:
            raise AwsError(
                "MissingContentLength",
                "You must provide the Content-Length HTTP header.",
                411,
            )
        seal = None
        if said in chunked.SIGNED and claim is not None and claim.credential.secret:
            seal = self._checker.seal(claim)
        body, trailers = asked.body, dict[str, str]()
        asked.size, asked.trailers = size, trailers
        announced = chunked.read_announced(asked.headers.get("x-amz-trailer", ""))
        asked.body = lambda: chunked.unchunked(
            body(), seal=seal, size=size, trailers=trailers, announced=announced
        )
        if asked.whole is not None:
            asked.whole = b"".join([part async for part in asked.body()])
            asked.body = partial(in_one, asked.whole)


def check_single(head: Head) -> None:
    """Who signs in two ways means one of them, and nobody can say which.

    Raises:
        Troubled: there are two signatures.
    """
    if head.presigned or not head.raw_query:
        return
    if any(name in _SIGNATURES for name, _ in head.query):
        raise Troubled(Trouble.TWICE)


def refuse_strange_page(headers: Mapping[str, str]) -> None:
    """Where any key will do, a page of another site in somebody's browser must not be the one.

    Raises:
        Troubled: it is one.
    """
    origin = headers.get("origin", "")
    if not origin:
        strange = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    else:
        name = urlsplit(origin).hostname or ""
        strange = name not in _LOOPBACK and not name.endswith(".localhost")
    if strange:
        raise Troubled(Trouble.STRANGE_PAGE)


def _asks_ahead(seen: Seen, name: str) -> bool:
    """A browser that asks whether it may send what was signed cannot sign that question."""
    return name == "s3" and seen.head.method == "OPTIONS"


def _size(said: str) -> int | None:
    return int(said) if said.isdecimal() and len(said) <= _DIGITS_MAX else None
