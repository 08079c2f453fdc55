"""Signatures of version 2, which some old tools still send to S3: HMAC-SHA1 of a few headers."""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.front.checking import SKEW_S_MAX, Head
from tapwater_server.clouds.aws.front.credentials import Credential, Credentials
from tapwater_server.clouds.aws.front.troubles import Trouble, Troubled

# Parameters that name a part of what is asked for, and are signed with the path.
_SIGNED = frozenset(
    [
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "retention",
        "select",
        "select-type",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    ]
)


def is_signed(head: Head) -> bool:
    """Say whether a request carries a signature of version 2."""
    if "authorization" in head.headers:
        return head.headers["authorization"].startswith("AWS ")
    return "AWSAccessKeyId=" in head.raw_query and "Signature=" in head.raw_query


def check(head: Head, bucket: str, *, credentials: Credentials, now: float) -> Caller:
    """Say who signed.

    Raises:
        Troubled: the signature is not good.
    """
    query = dict(head.query)
    presigned = "authorization" not in head.headers
    if presigned:
        access_key, said, token = (
            query.get("AWSAccessKeyId", ""),
            query.get("Signature", ""),
            query.get("x-amz-security-token", ""),
        )
        date = _expires(query.get("Expires", ""), now)
    else:
        access_key, _, said = head.headers["authorization"][4:].strip().partition(":")
        token = head.headers.get("x-amz-security-token", "")
        date = _date(head.headers, now)
    credential = credentials.find(access_key, token)
    _check_key(credential, token, now)
    assert credential is not None
    text = string_to_sign(head, bucket, date=date)
    if credential.secret and not any(
        hmac.compare_digest(_signed(credential.secret, each), said.encode())
        for each in (text, _with_slash(head, bucket, date=date))
    ):
        raise Troubled(Trouble.MISMATCH, facts={"StringToSign": text})
    return credential.caller


def _signed(secret: str, text: str) -> bytes:
    return b64encode(hmac.digest(secret.encode(), text.encode("latin-1"), "sha1"))


def _with_slash(head: Head, bucket: str, *, date: str) -> str:
    """Clients sign a bucket's path with a slash at its end, also where they send none."""
    path = head.path if head.path.endswith("/") or head.path.count("/") > 1 else f"{head.path}/"
    return string_to_sign(head._replace(path=path), bucket, date=date)


def string_to_sign(head: Head, bucket: str, *, date: str) -> str:
    """Write what is signed.

    >>> head = Head(method="GET", path="/a/b", raw_query="acl", query=[("acl", "")], headers={})
    >>> string_to_sign(head, "", date="1141889120")
    'GET\\n\\n\\n1141889120\\n/a/b?acl'
    """
    headers = head.headers
    amz = "".join(
        f"{name}:{value.strip()}\n"
        for name, value in sorted(headers.items())
        if name.startswith("x-amz-")
    )
    resource = f"/{bucket}{head.path}" if bucket else head.path
    return (
        f"{head.method}\n{headers.get('content-md5', '')}\n{headers.get('content-type', '')}\n"
        f"{date}\n{amz}{resource}{_parameters(head.query)}"
    )


def _parameters(query: Sequence[tuple[str, str]]) -> str:
    kept = sorted(pair for pair in query if pair[0] in _SIGNED)
    said = "&".join(f"{n}={v}" if v else n for n, v in kept)
    return "?" + said.encode().decode("latin-1") if kept else ""


def _check_key(credential: Credential | None, token: str, now: float) -> None:
    if credential is None or not credential.active:
        raise Troubled(Trouble.KEY)
    if credential.token and not hmac.compare_digest(credential.token.encode(), token.encode()):
        raise Troubled(Trouble.TOKEN)
    if credential.expires_at is not None and now >= credential.expires_at:
        raise Troubled(Trouble.EXPIRED)


def _expires(said: str, now: float) -> str:
    if not said.isdecimal() or len(said) > 12:
        raise Troubled(Trouble.QUERY, "Expires must be a number")
    if now > int(said):
        raise Troubled(Trouble.LATE)
    return said


def _date(headers: Mapping[str, str], now: float) -> str:
    """Give the date that is signed: empty where x-amz-date is among the headers."""
    said = headers.get("x-amz-date") or headers.get("date", "")
    try:
        at = parsedate_to_datetime(unquote(said)).timestamp()
    except (ValueError, TypeError, IndexError):
        raise Troubled(Trouble.UNDATED) from None
    if abs(now - at) > SKEW_S_MAX:
        raise Troubled(Trouble.SKEWED)
    return "" if "x-amz-date" in headers else headers.get("date", "")
