"""A blob's facts as HTTP headers, in and out. Pure."""

import base64
import json
import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

from tapwater_server.model.blob import DEFAULT_TYPE, About, Blob
from tapwater_server.model.blob_conditions import Condition
from tapwater_server.model.errors import Invalid

METADATA = "tapwater-metadata"  # a JSON object of texts, in ASCII
TAGS = "tapwater-tags"  # the same
VERSION = "tapwater-version"
_FIELDS = ("cache_control", "content_disposition", "content_encoding", "content_language")
_ETAG = re.compile(r'\s*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*"|\*|[\w-]+)\s*(?:,|$)')
_DIGEST = re.compile(r"\s*([a-z0-9-]+)=:([A-Za-z0-9+/=]*):\s*(?:,|$)")
# The names of RFC 9530, and ours.
_DIGESTS = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5"}
_NAMES = {ours: theirs for theirs, ours in _DIGESTS.items()}


def about_of(headers: Mapping[str, str]) -> About:
    """Read what an uploader says of the content.

    Raises:
        Invalid: metadata or tags are no JSON object of texts.
    """
    fields: dict[str, Any] = {name: headers.get(name.replace("_", "-"), "") for name in _FIELDS}
    return About(
        content_type=headers.get("content-type") or DEFAULT_TYPE,
        metadata=_texts(headers, METADATA),
        tags=_texts(headers, TAGS),
        **fields,
    )


def condition_of(headers: Mapping[str, str]) -> Condition:
    """Read If-Match and its like.

    Raises:
        Invalid: something there cannot be understood.
    """
    return Condition(
        match=_etags(headers.get("if-match", "")),
        none_match=_etags(headers.get("if-none-match", "")),
        modified_since=_date(headers.get("if-modified-since", "")),
        unmodified_since=_date(headers.get("if-unmodified-since", "")),
    )


def expected_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Read the checksums that content was sent with: Content-MD5 and Content-Digest.

    Raises:
        Invalid: they cannot be understood, or are of a kind we cannot check.
    """
    expected = {}
    said = headers.get("content-digest") or headers.get("repr-digest") or ""
    at = 0
    while at < len(said):
        match = _DIGEST.match(said, at)
        if match is None or match[1] not in _DIGESTS:
            raise Invalid(
                f"content-digest must look like sha-256=:BASE64:, with one of {sorted(_DIGESTS)}"
            )
        expected[_DIGESTS[match[1]]] = _hex(match[2])
        at = match.end()
    if "content-md5" in headers:
        expected["md5"] = _hex(headers["content-md5"])
    return expected


def written(blob: Blob) -> dict[str, str]:
    """Say in headers what is known of a blob."""
    about = blob.about
    said = {
        "etag": f'"{blob.etag}"',
        "last-modified": formatdate(int(blob.stored_at), usegmt=True),
        "accept-ranges": "bytes",
        VERSION: blob.version,
    }
    for name in ("cache_control", "content_encoding", "content_language"):
        if value := getattr(about, name):
            said[name.replace("_", "-")] = value
    if about.metadata:
        said[METADATA] = json.dumps(dict(about.metadata))
    digests = [
        f"{_NAMES[name]}=:{base64.b64encode(bytes.fromhex(value)).decode()}:"
        for name, value in blob.checksums.items()
        if name in _NAMES
    ]
    if digests:
        said["repr-digest"] = ", ".join(digests)
    return said


def _texts(headers: Mapping[str, str], name: str) -> dict[str, str]:
    said = headers.get(name)
    if not said:
        return {}
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise Invalid(f'{name} must be a JSON object of texts, such as {{"owner": "42"}}')
    return found


def _etags(said: str) -> tuple[str, ...]:
    found = []
    at = 0
    while at < len(said):
        match = _ETAG.match(said, at)
        if match is None:
            raise Invalid("If-Match and If-None-Match take ETags in quotes, or *")
        # A weak tag keeps its mark: it never matches strongly.
        found.append(match[1].replace('"', ""))
        at = match.end()
    return tuple(found)


def _date(said: str) -> float | None:
    """Read an HTTP date; the RFC says to ignore what is none."""
    if not said:
        return None
    try:
        return parsedate_to_datetime(said).timestamp()
    except (ValueError, OverflowError):
        return None


def _hex(said: str) -> str:
    try:
        return base64.b64decode(said, validate=True).hex()
    except ValueError:
        raise Invalid("a checksum is written in base64") from None
