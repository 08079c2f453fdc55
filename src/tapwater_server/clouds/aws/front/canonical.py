"""The text that a request of signature version 4 is signed by, and the key. Pure."""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes

from tapwater_server.clouds.aws.front.signature import ALGORITHM, Signature

EMPTY = sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
_SIGNATURE = "X-Amz-Signature"


def signing_key(secret: str, *, day: str, region: str, service: str) -> bytes:
    """Derive the key of a day, region and service."""
    key = hmac.digest(f"AWS4{secret}".encode(), day.encode(), "sha256")
    for part in (region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_query(raw: str) -> str:
    """Sort and spell the parameters as they are signed; the signature is not among them.

    >>> canonical_query("b=2&a=%7e&acl&X-Amz-Signature=00")
    'a=~&acl=&b=2'
    """
    if not raw:
        return ""
    pairs = []
    for part in raw.split("&"):
        name, _, value = part.partition("=")
        if part and name != _SIGNATURE:
            pairs.append((_spelled(name), _spelled(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _spelled(text: str) -> str:
    if text.isalnum() and text.isascii():
        return text
    return quote(unquote_to_bytes(text.replace("+", "%20").encode("latin-1")), safe="-_.~")


def canonical_paths(raw: str, *, twice: bool) -> Sequence[str]:
    """Give the spellings of a path that clients sign: S3's as it was sent, others' encoded twice.

    >>> canonical_paths("/a%3Ab/../c", twice=True)[0]
    '/c'
    """
    if not twice:
        spelled = quote(unquote_to_bytes(raw.encode("latin-1")), safe="/-_.~")
        return (raw,) if spelled == raw else (raw, spelled)
    tidy = _normal(raw) if "//" in raw or "/." in raw else raw
    encoded = quote(tidy.encode("latin-1"), safe="/-_.~")
    # Some encode once. What has an encoded "%" in it could be what another path was signed as.
    return (encoded,) if encoded == raw or "%25" in raw else (encoded, raw)


def _normal(raw: str) -> str:
    kept: list[str] = []
    for part in raw.split("/"):
        if part == "..":
            kept[-1:] = []
        elif part not in ("", "."):
            kept.append(part)
    end = "/" if raw.endswith("/") and kept else ""
    return "/" + "/".join(kept) + end


def canonical_headers(names: Sequence[str], headers: Mapping[str, str]) -> str:
    """Write the signed headers, a line each; one that is not there is empty."""
    lines = []
    for name in names:
        value = headers.get(name, "")
        if "  " in value or value[:1] == " " or value[-1:] == " " or "\t" in value:
            value = " ".join(value.split())
        lines.append(f"{name}:{value}\n")
    return "".join(lines)


def canonical_request(
    *, method: str, path: str, query: str, headers: str, signed: str, payload: str
) -> str:
    """Put it together: what is hashed."""
    return f"{method}\n{path}\n{query}\n{headers}\n{signed}\n{payload}"


def string_to_sign(signature: Signature, request: str) -> str:
    """Name the request by its hash, its time and its scope."""
    digest = sha256(request.encode("latin-1")).hexdigest()
    return f"{ALGORITHM}\n{signature.stamp}\n{signature.scoped.scope}\n{digest}"


def sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode("latin-1"), "sha256").hex()
