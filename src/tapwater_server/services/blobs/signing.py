"""Signed URLs: whoever has one may do that one thing until it expires. Pure.

The key never leaves the node. A signature covers the method, the app, the blob and every limit,
so nothing of them can be changed; it does not cover the host, so an app may change its own.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from tapwater_server.model.errors import Invalid, NotAllowed
from tapwater_server.model.ids import AppId

EXPIRES_S_MAX = 7 * 24 * 3600.0  # As in S3.
METHODS = ("GET", "PUT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a signed URL allows. What is empty does not limit."""

    method: str  # GET (and HEAD), or PUT
    app: AppId
    bucket: str
    key: str
    expires: int  # seconds since the epoch
    bytes_max: int = 0  # of a PUT
    content_type: str = ""  # of a PUT: this one and no other
    version: str = ""  # of a GET
    disposition: str = ""  # of a GET: the Content-Disposition of the answer


def query_of(grant: Grant, key: bytes) -> dict[str, str]:
    """Write the query of a signed URL."""
    query = {"expires": str(grant.expires)}
    if grant.bytes_max:
        query["bytes_max"] = str(grant.bytes_max)
    if grant.content_type:
        query["type"] = grant.content_type
    if grant.version:
        query["version"] = grant.version
    if grant.disposition:
        query["disposition"] = grant.disposition
    return {**query, "signature": signature(grant, key)}


def is_signed(query: Mapping[str, str]) -> bool:
    return "signature" in query


def read_grant(
    query: Mapping[str, str], *, method: str, app: AppId, bucket: str, key: str
) -> Grant:
    """Read what a URL claims to allow; whether that is true, check() says.

    Raises:
        Invalid: it is no signed URL of ours.
    """
    try:
        return Grant(
            method="GET" if method == "HEAD" else method,
            app=app,
            bucket=bucket,
            key=key,
            expires=int(query.get("expires", "")),
            bytes_max=int(query.get("bytes_max", "0")),
            content_type=query.get("type", ""),
            version=query.get("version", ""),
            disposition=query.get("disposition", ""),
        )
    except ValueError:
        raise Invalid("this is no signed URL: take it as it was given") from None


def check(grant: Grant, said: str, *, key: bytes, now: float) -> None:
    """Let a true grant pass.

    Raises:
        NotAllowed: it was not signed here, was changed, or has expired.
    """
    if not hmac.compare_digest(signature(grant, key).encode(), said.encode("utf-8", "replace")):
        raise NotAllowed("the signature does not fit: a signed URL allows one thing only")
    if now >= grant.expires:
        raise NotAllowed("this signed URL has expired")


def signature(grant: Grant, key: bytes) -> str:
    """Sign; no field can hold a line break, so no two grants read the same."""
    fields = (
        "tapwater blob 1",
        grant.method,
        grant.app,
        grant.bucket,
        grant.key,
        str(grant.expires),
        str(grant.bytes_max),
        grant.content_type,
        grant.version,
        grant.disposition,
    )
    return _text(
        hmac.new(key, "\n".join(fields).encode("utf-8", "replace"), hashlib.sha256).digest()
    )


def sign_text(text: str, key: bytes) -> str:
    """Sign the policy of an upload form."""
    return _text(
        hmac.new(
            key, b"tapwater form 1\n" + text.encode("utf-8", "replace"), hashlib.sha256
        ).digest()
    )


def is_signed_text(text: str, said: str, key: bytes) -> bool:
    return hmac.compare_digest(sign_text(text, key).encode(), said.encode("utf-8", "replace"))


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
