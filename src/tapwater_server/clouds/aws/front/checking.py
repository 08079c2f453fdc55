"""Who asks: the signature of version 4 is computed again and compared."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from tapwater_server.clouds.aws.front import canonical
from tapwater_server.clouds.aws.front.chunked import Seal
from tapwater_server.clouds.aws.front.credentials import Credential, Credentials, cached_keys
from tapwater_server.clouds.aws.front.signature import Signature, from_header, from_query
from tapwater_server.clouds.aws.front.troubles import Trouble, Troubled
from tapwater_server.ports.clock import Clock

SKEW_S_MAX = 900.0
_FREE = frozenset({"x-amz-content-sha256", "x-amz-cf-id"})  # Need not be signed.


class Head(NamedTuple):
    """What of a request is signed, its body aside."""

    method: str
    path: str  # raw
    raw_query: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]

    @property
    def presigned(self) -> bool:
        return "authorization" not in self.headers


class Claim(NamedTuple):
    """A signature whose key is known. What is left to do is to compare."""

    signature: Signature
    credential: Credential
    payload: str  # the hash as the header says it; "": of the body, which must be read


class Checker:
    """Reads and checks signatures of version 4."""

    def __init__(self, *, credentials: Credentials, clock: Clock) -> None:
        self._credentials, self._clock = credentials, clock
        self.key_of = cached_keys()

    def claim(self, head: Head) -> Claim:
        """Read the signature, find its key, look at the clock.

        Raises:
            Troubled: one of them is not good.
        """
        if head.presigned:
            signature = from_query(head.query)
        else:
            signature = from_header(head.headers["authorization"], head.headers)
        credential = self._credentials.find(signature.scoped.access_key, signature.token)
        if credential is None or not credential.active:
            raise Troubled(Trouble.KEY)
        if credential.token and not hmac.compare_digest(
            credential.token.encode(), signature.token.encode()
        ):
            raise Troubled(Trouble.TOKEN)
        now = self._clock.now()
        if credential.expires_at is not None and now >= credential.expires_at:
            raise Troubled(Trouble.EXPIRED)
        check_time(signature, now)
        _check_signed(signature, head)
        return Claim(signature=signature, credential=credential, payload=_payload(signature, head))

    def now(self) -> float:
        return self._clock.now()

    def seal(self, claim: Claim) -> Seal:
        """Give what checks the chunks of a body, which the signature of the head begins."""
        return Seal(signature=claim.signature, key=self.key(claim), last=claim.signature.value)

    def key(self, claim: Claim) -> bytes:
        """Give the key that a claim's signature was made with."""
        scoped = claim.signature.scoped
        return self.key_of(claim.credential.secret, scoped.day, scoped.region, scoped.service)

    def compare(self, claim: Claim, head: Head, payload: str) -> None:
        """See that the request is what its key signed.

        Raises:
            Troubled: it is not.
        """
        if not claim.credential.secret:
            return
        signature, key = claim.signature, self.key(claim)
        scoped = signature.scoped
        query = canonical.canonical_query(head.raw_query)
        headers = canonical.canonical_headers(scoped.signed, head.headers)
        text = ""
        for path in canonical.canonical_paths(head.path, twice=scoped.service != "s3"):
            text = canonical.canonical_request(
                method=head.method,
                path=path,
                query=query,
                headers=headers,
                signed=scoped.names,
                payload=payload,
            )
            to_sign = canonical.string_to_sign(signature, text)
            if hmac.compare_digest(canonical.sign(key, to_sign), signature.value):
                return
        raise Troubled(Trouble.MISMATCH, facts=_shown(signature, text))


def check_time(signature: Signature, now: float) -> None:
    """Refuse a signature whose time is over, or has not come.

    Raises:
        Troubled: it is so.
    """
    if signature.expires_s is not None:
        if now > signature.at + signature.expires_s:
            raise Troubled(
                Trouble.LATE,
                facts={
                    "X-Amz-Expires": str(signature.expires_s),
                    "Expires": _iso(signature.at + signature.expires_s),
                    "ServerTime": _iso(now),
                },
            )
        if now < signature.at - SKEW_S_MAX:
            raise Troubled(Trouble.EARLY)
        return
    if abs(now - signature.at) <= SKEW_S_MAX:
        return
    facts = {
        "RequestTime": signature.stamp,
        "ServerTime": _iso(now),
        "MaxAllowedSkewMilliseconds": str(int(SKEW_S_MAX * 1000)),
    }
    if signature.scoped.service == "s3":
        raise Troubled(Trouble.SKEWED, facts=facts)
    low, high = _stamp(now - SKEW_S_MAX), _stamp(now + SKEW_S_MAX)
    if signature.at < now:
        message = f"Signature expired: {signature.stamp} is now earlier than {low} (15 min.)"
    else:
        message = f"Signature not yet current: {signature.stamp} is still later than {high}"
    raise Troubled(Trouble.SKEWED, message)


def _check_signed(signature: Signature, head: Head) -> None:
    """The host and what AWS reads must be signed, or somebody on the way could change it."""
    signed = signature.scoped.set
    if "host" not in signed and ":authority" not in signed:
        raise Troubled(Trouble.UNSIGNED_HEADERS, facts={"HeadersNotSigned": "host"})
    free = [
        name
        for name in head.headers
        if name not in signed and name[:6] == "x-amz-" and name not in _FREE
    ]
    if free:
        raise Troubled(Trouble.UNSIGNED_HEADERS, facts={"HeadersNotSigned": ", ".join(free)})


def _payload(signature: Signature, head: Head) -> str:
    """Give what stands for the body in the signature; "": its hash, which nobody has said."""
    said = head.headers.get("x-amz-content-sha256", "")
    if signature.scoped.service != "s3":
        return ""
    if signature.expires_s is not None:
        return said if "x-amz-content-sha256" in signature.scoped.set else canonical.UNSIGNED
    if not said:
        raise Troubled(Trouble.UNHASHED)
    return said


def _shown(signature: Signature, request: str) -> Mapping[str, str]:
    """What of our own reckoning helps who signed; it holds nothing of the secret."""
    return {
        "AWSAccessKeyId": signature.scoped.access_key,
        "StringToSign": canonical.string_to_sign(signature, request),
        "SignatureProvided": signature.value,
        "CanonicalRequest": request,
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
