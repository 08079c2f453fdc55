"""Checksums as S3 speaks of them: in headers, in trailers, in XML. Pure."""

import binascii
import hashlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping

from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import tag
from tapwater_server.clouds.aws.s3.notes import COMPOSITE, FULL_OBJECT
from tapwater_server.model.blob import Draft

# Ours -> how XML names it, and how many bytes it has.
ALGORITHMS: Mapping[str, tuple[str, int]] = {
    "crc32": ("CRC32", 4),
    "crc32c": ("CRC32C", 4),
    "crc64nvme": ("CRC64NVME", 8),
    "sha1": ("SHA1", 20),
    "sha256": ("SHA256", 32),
}
DEFAULT = "crc64nvme"  # What S3 keeps where nobody asked for another.
_PREFIX = "x-amz-checksum-"


def algorithm_of(text: str) -> str:
    """Read the name of an algorithm.

    Raises:
        AwsError: there is none of that name.
    """
    if text.lower() not in ALGORITHMS:
        raise refuse("InvalidRequest", f"Checksum algorithm provided is unsupported: {text[:40]}")
    return text.lower()


def wanted(headers: Mapping[str, str]) -> str:
    """Say which checksum is sent with the content, or will come behind it; "": none.

    Raises:
        AwsError: there are several, or it is not one of S3's.
    """
    sent = [name for name in ALGORITHMS if _PREFIX + name in headers]
    trailing = [
        name.strip().removeprefix(_PREFIX)
        for name in headers.get("x-amz-trailer", "").lower().split(",")
        if name.strip().startswith(_PREFIX)
    ]
    found = sorted({*sent, *map(algorithm_of, trailing)})
    if len(found) > 1:
        raise refuse("InvalidRequest", "Expecting a single x-amz-checksum- header")
    if found:
        return found[0]
    named = headers.get("x-amz-sdk-checksum-algorithm", "")
    return algorithm_of(named) if named else ""


def sent(headers: Mapping[str, str], name: str) -> str:
    """Give the checksum that was sent, as hex; "": none was.

    Raises:
        AwsError: it is none.
    """
    text = headers.get(_PREFIX + name, "").strip()
    return of_base64(text, name) if text else ""


def of_base64(text: str, name: str) -> str:
    """Read a checksum; behind a composite one stands how many parts there were."""
    body, dash, count = text.partition("-")
    try:
        raw = b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != ALGORITHMS[name][1] or (dash and not count.isdigit()):
        raise refuse("BadDigest", f"Value for {_PREFIX}{name} header is invalid.")
    return raw.hex() + dash + count


def to_base64(hex: str) -> str:
    """Write a checksum as S3 does.

    >>> to_base64("cbf43926"), to_base64("cbf43926-2")
    ('y/Q5Jg==', 'y/Q5Jg==-2')
    """
    body, dash, count = hex.partition("-")
    return b64encode(bytes.fromhex(body)).decode() + dash + count


def in_headers(checksums: Mapping[str, str], *, kind: str = "") -> list[tuple[str, str]]:
    """Say in headers what is known of content; ``kind``: of the whole that it is a part of."""
    found = [
        (_PREFIX + name, to_base64(hex)) for name, hex in checksums.items() if name in ALGORITHMS
    ]
    return [*found, ("x-amz-checksum-type", kind or type_of(checksums))] if found else []


def in_markup(checksums: Mapping[str, str], *, typed: bool = True) -> str:
    """Say the same in XML."""
    found = "".join(
        tag(f"Checksum{ALGORITHMS[name][0]}", to_base64(hex))
        for name, hex in checksums.items()
        if name in ALGORITHMS
    )
    return found + (tag("ChecksumType", type_of(checksums)) if found and typed else "")


def type_of(checksums: Mapping[str, str]) -> str:
    """Say what it is the checksum of: the content, or its parts' checksums."""
    joined = any("-" in hex for name, hex in checksums.items() if name in ALGORITHMS)
    return COMPOSITE if joined else FULL_OBJECT


def md5_of(headers: Mapping[str, str]) -> str:
    """Read Content-MD5, as hex; "": it was not sent.

    Raises:
        AwsError: InvalidDigest.
    """
    if "content-md5" not in headers:
        return ""
    try:
        raw = b64decode(headers["content-md5"].strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 16:
        raise refuse("InvalidDigest")
    return raw.hex()


def judge_of(
    headers: Mapping[str, str],
    trailers: Callable[[], Mapping[str, str]],
    name: str,
    size: int | None,
) -> Callable[[Draft], None]:
    """Make what compares content with all that was said of it, once all of it has come.

    Raises:
        AwsError: what was said cannot be true of any content.
    """
    md5, before = md5_of(headers), sent(headers, name) if name else ""

    def judge(draft: Draft) -> None:
        if size is not None and draft.size != size:
            raise refuse("RequestTimeout")
        if md5 and draft.etag != md5:
            raise refuse("BadDigest")
        said = before or (sent(trailers(), name) if name else "")
        if said and draft.checksums.get(name) != said:
            raise refuse(
                "BadDigest", f"The {ALGORITHMS[name][0]} you specified did not match the calculated"
            )

    return judge


def check_body(
    headers: Mapping[str, str],
    trailers: Callable[[], Mapping[str, str]],
    body: bytes,
    *,
    sums: bool,
) -> None:
    """Compare a small body with what was said of it. Of CRCs only those that Python has itself.

    Raises:
        AwsError: BadDigest.
    """
    md5 = md5_of(headers)
    if md5 and hashlib.md5(body, usedforsecurity=False).hexdigest() != md5:
        raise refuse("BadDigest")
    for name, sum in _SMALL.items() if sums else ():
        said = sent(headers, name) or sent(trailers(), name)
        if said and sum(body) != said:
            raise refuse("BadDigest")


_SMALL: Mapping[str, Callable[[bytes], str]] = {
    "crc32": lambda body: f"{zlib.crc32(body):08x}",
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).hexdigest(),
    "sha256": lambda body: hashlib.sha256(body).hexdigest(),
}
