"""What a signed request says of its signature, in a header or in its query (version 4). Pure."""

import re
from calendar import timegm
from collections.abc import Mapping, Sequence
from functools import lru_cache
from time import strptime
from typing import NamedTuple

from tapwater_server.clouds.aws.front.troubles import Trouble, Troubled

ALGORITHM = "AWS4-HMAC-SHA256"
ALGORITHM_4A = "AWS4-ECDSA-P256-SHA256"
EXPIRES_S_MAX = 604_800  # A week, says AWS.
_HEX = re.compile(r"[0-9a-f]{64}")
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})"
)
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_TOKEN_LENGTH_MAX = 8 << 10
_QUERY = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")


class Scoped(NamedTuple):
    """What stays the same from one signature of a client to the next."""

    access_key: str
    day: str
    region: str
    service: str
    signed: tuple[str, ...]  # names of headers
    names: str  # the same, as they were written
    set: frozenset[str]
    scope: str


class Signature(NamedTuple):
    """Version 4. ``expires_s``: of a presigned address; None: the header's."""

    scoped: Scoped
    value: str
    stamp: str  # "20260901T120000Z"
    at: float
    token: str = ""
    expires_s: int | None = None


def from_header(said: str, headers: Mapping[str, str]) -> Signature:
    """Read ``Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…``.

    Raises:
        Troubled: it cannot be read.
    """
    found = _HEADER.fullmatch(said)
    credential, signed, value = found.groups() if found is not None else _apart(said)
    stamp = headers.get("x-amz-date") or http_stamp(headers.get("date", ""))
    if not stamp:
        raise Troubled(Trouble.UNDATED)
    token = headers.get("x-amz-security-token", "")
    return _signature(scoped_of(credential, signed), value, stamp, token)


def _apart(said: str) -> tuple[str, str, str]:
    """Read a header that is not written as most clients do."""
    algorithm, _, rest = said.partition(" ")
    if algorithm == ALGORITHM_4A:
        raise Troubled(Trouble.ALGORITHM)
    if algorithm != ALGORITHM:
        raise Troubled(Trouble.INCOMPLETE, "Unsupported authorization type")
    parts = dict(_pair(part) for part in rest.split(","))
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not parts.get(name):
            message = f"Authorization header requires '{name}' parameter."
            raise Troubled(Trouble.INCOMPLETE, f"{message} Authorization={algorithm}")
    return parts["Credential"], parts["SignedHeaders"], parts["Signature"]


def from_query(query: Sequence[tuple[str, str]]) -> Signature:
    """Read the parameters of a presigned address.

    Raises:
        Troubled: it cannot be read.
    """
    said = dict(query)
    if said.get("X-Amz-Algorithm") == ALGORITHM_4A:
        raise Troubled(Trouble.ALGORITHM)
    if said.get("X-Amz-Algorithm") != ALGORITHM:
        raise Troubled(Trouble.QUERY, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    if any(not said.get(name) for name in (*_QUERY, "X-Amz-Signature")):
        raise Troubled(
            Trouble.QUERY,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential,"
            " X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    scoped = scoped_of(said["X-Amz-Credential"], said["X-Amz-SignedHeaders"])
    return _signature(
        scoped,
        said["X-Amz-Signature"],
        said["X-Amz-Date"],
        said.get("X-Amz-Security-Token", ""),
        _expires(said["X-Amz-Expires"]),
    )


def _signature(
    scoped: Scoped, value: str, stamp: str, token: str, expires_s: int | None = None
) -> Signature:
    if not _HEX.fullmatch(value) or len(token) > _TOKEN_LENGTH_MAX:
        raise Troubled(Trouble.MISMATCH)
    at = read_stamp(stamp)
    if at is None:
        raise Troubled(Trouble.UNDATED)
    if scoped.day != stamp[:8]:
        raise Troubled(Trouble.SCOPE_DAY, f"{scoped.day} is not the day of {stamp}")
    return Signature(scoped, value, stamp, at, token, expires_s)


@lru_cache(maxsize=1_024)
def scoped_of(credential: str, signed: str) -> Scoped:
    """Read ``KEY/20260901/us-east-1/s3/aws4_request`` and the names of the signed headers.

    Raises:
        Troubled: it cannot be read.
    """
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request" or not parts[0]:
        raise Troubled(
            Trouble.CREDENTIAL,
            'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/'
            'aws4_request".',
        )
    if not (credential.isascii() and signed.isascii()):
        raise Troubled(Trouble.CREDENTIAL, "the Credential and SignedHeaders are ASCII")
    names = tuple(signed.split(";"))
    scope = "/".join(parts[1:])
    return Scoped(parts[0], parts[1], parts[2], parts[3], names, signed, frozenset(names), scope)


def _expires(said: str) -> int:
    if not said.isdecimal() or len(said) > 9:
        raise Troubled(Trouble.QUERY, "X-Amz-Expires should be a number")
    if not 0 < int(said) <= EXPIRES_S_MAX:
        raise Troubled(
            Trouble.QUERY, f"X-Amz-Expires must be less than a week (in seconds) {EXPIRES_S_MAX}"
        )
    return int(said)


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value


@lru_cache(maxsize=256)
def read_stamp(stamp: str) -> float | None:
    """Read a time of ISO 8601's basic form; None: it is none.

    >>> read_stamp("20150830T123600Z")
    1440938160.0
    """
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        return float(timegm(strptime(stamp, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return None


def http_stamp(date: str) -> str:
    """Give a Date header's value in the basic form; "": it is not a date.

    >>> http_stamp("Sun, 30 Aug 2015 12:36:00 GMT")
    '20150830T123600Z'
    """
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, TypeError, IndexError):
        return date if _STAMP.fullmatch(date) else ""
