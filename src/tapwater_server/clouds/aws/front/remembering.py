"""What is the same for all requests of one client to one address: read once, checked each time.

A client that calls a function again and again sends the same head but for its time and signature.
The second time and from then on, the signature is computed from the bytes as they came.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.front.checking import SKEW_S_MAX, Claim, Head
from tapwater_server.clouds.aws.front.credentials import Credential
from tapwater_server.clouds.aws.front.signature import ALGORITHM, read_stamp

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

_SIGNATURE_LENGTH = _BLOCK_BYTES = 64
_NOTHING = sha256()
# Of these the value matters, and not alone to the signature.
_LOOKED_AT = frozenset(
    {
        "origin",
        "sec-fetch-site",
        "traceparent",
        "x-amz-content-sha256",
        "x-amz-target",
        "x-amzn-trace-id",
    }
)
_PLAIN = re.compile(r"[a-zA-Z0-9/_-]+")  # A path that is spelled in one way only.
_HEX = re.compile(rb"[0-9a-f]{64}")
_KIND, _TOKEN = b"x-amz-invocation-type", b"x-amz-security-token"

Key = tuple[bytes, bytes, bytes | None, bytes | None, tuple[bytes, ...]]


def key_of(url: bytes, headers: Mapping[bytes, bytes]) -> Key:
    """Say what requests must have in common."""
    said = headers.get(b"authorization", b"")
    kind = headers.get(_KIND)
    return url, said[:-_SIGNATURE_LENGTH], headers.get(b"host"), kind, tuple(headers)


class Keyed(NamedTuple):
    """HMAC-SHA256 with its key worked in: copies take half the time of beginning anew."""

    inner: "Hash"
    outer: "Hash"

    def sign(self, text: bytes) -> bytes:
        """Give the code in hexadecimal digits."""
        inner, outer = self.inner.copy(), self.outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest().encode()


def keyed_by(key: bytes) -> Keyed:
    """Work in a key of at most one block (RFC 2104).

    >>> keyed_by(b"key").sign(b"text") == hmac.digest(b"key", b"text", "sha256").hex().encode()
    True
    """
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (sha256(bytes([byte ^ pad for byte in block])) for pad in (0x36, 0x5C))
    return Keyed(inner, outer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The head of requests that were let in."""

    access_key: str
    credential: Credential
    caller: Caller
    day: bytes
    signed: tuple[bytes, ...]
    before: "Hash"  # of what is hashed, up to the headers
    between: bytes  # them and the body's hash
    scope: bytes
    keyed: Keyed | None  # None: any signature will do

    def fits(self, headers: Mapping[bytes, bytes], body: bytes, now: float) -> bool:
        """Say whether time and signature are right. No is not the last word: a head may be spelled
        in other ways.
        """
        stamp = headers[b"x-amz-date"]
        at = _time_of(stamp)
        if at is None or abs(now - at) > SKEW_S_MAX or stamp[:8] != self.day:
            return False
        expires_at = self.credential.expires_at
        if expires_at is not None and now >= expires_at:
            return False
        said = headers[b"authorization"][-_SIGNATURE_LENGTH:]
        if self.keyed is None:
            return _HEX.fullmatch(said) is not None
        return hmac.compare_digest(self.signature(self.keyed, headers, stamp, body), said)

    def signature(
        self, keyed: Keyed, headers: Mapping[bytes, bytes], stamp: bytes, body: bytes
    ) -> bytes:
        """Compute it; what is not spelled plainly has none: b""."""
        lines = b"".join([b"%b:%b\n" % (name, headers[name]) for name in self.signed])
        if b"  " in lines or b"\t" in lines or b" \n" in lines or b": " in lines:
            return b""
        payload, request = _NOTHING.copy(), self.before.copy()
        payload.update(body)
        request.update(b"%b%b%b" % (lines, self.between, payload.hexdigest().encode()))
        digest = request.hexdigest().encode()
        return keyed.sign(b"%b\n%b\n%b\n%b" % (_ALGORITHM, stamp, self.scope, digest))

    def token(self, headers: Mapping[bytes, bytes]) -> str:
        """Give the session token that was sent; "": none."""
        return headers.get(_TOKEN, b"").decode("latin-1")


_ALGORITHM = ALGORITHM.encode()


def remember(head: Head, claim: Claim, caller: Caller, key: bytes) -> Remembered | None:
    """Keep what a request that was let in will have in common with the next. None: too little.

    ``key``: that signatures are made with; b"": any signature will do.
    """
    scoped = claim.signature.scoped
    if head.raw_query or not _PLAIN.fullmatch(head.path) or "//" in head.path:
        return None
    if not _LOOKED_AT.isdisjoint(head.headers) or "x-amz-date" not in head.headers:
        return None
    if not scoped.set.issubset(head.headers):
        return None
    return Remembered(
        access_key=scoped.access_key,
        credential=claim.credential,
        caller=caller,
        day=scoped.day.encode("latin-1"),
        signed=tuple(name.encode("latin-1") for name in scoped.signed),
        before=sha256(f"{head.method}\n{head.path}\n\n".encode("latin-1")),
        between=f"\n{scoped.names}\n".encode("latin-1"),
        scope=scoped.scope.encode("latin-1"),
        keyed=keyed_by(key) if key else None,
    )


@lru_cache(maxsize=256)
def _time_of(stamp: bytes) -> float | None:
    return read_stamp(stamp.decode("latin-1"))
