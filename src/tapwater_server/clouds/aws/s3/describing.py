"""What headers say of an object, and what is said of it in headers. Pure."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.notes import STANDARD, Notes
from tapwater_server.clouds.aws.s3.sums import in_headers
from tapwater_server.clouds.aws.s3.tags import check_tags
from tapwater_server.clouds.aws.s3.times import http_date, iso_exact, read_iso
from tapwater_server.model.blob import About, Blob, Lock
from tapwater_server.model.blob_names import METADATA_BYTES_MAX

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
META = "x-amz-meta-"
DEFAULT_TYPE = "binary/octet-stream"
CLASSES = (
    STANDARD,
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "GLACIER_IR",
    "SNOW",
    "EXPRESS_ONEZONE",
)
_FIELDS = ("cache_control", "content_disposition", "content_encoding", "content_language")
_OVERRIDES = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"
_SSE_C = "x-amz-server-side-encryption-customer-algorithm"


def about_of(headers: Mapping[str, str]) -> About:
    """Read what is said of an object that is to be stored.

    Raises:
        AwsError: something cannot be kept.
    """
    fields = {name: headers.get(name.replace("_", "-"), "") for name in _FIELDS}
    fields["content_encoding"] = _without_chunks(fields["content_encoding"])
    return About(
        content_type=headers.get("content-type") or DEFAULT_TYPE,
        metadata=metadata_of(headers),
        tags=tags_of(headers),
        notes=notes_of(headers),
        lock=lock_of(headers),
        **fields,
    )


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Read the user's own metadata.

    Raises:
        AwsError: MetadataTooLarge.
    """
    found = {
        name.removeprefix(META): _decoded(value)
        for name, value in headers.items()
        if name.startswith(META)
    }
    if sum(len(name) + len(value.encode()) for name, value in found.items()) > METADATA_BYTES_MAX:
        raise refuse("MetadataTooLarge", MaxSizeAllowed=str(METADATA_BYTES_MAX))
    return found


def tags_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Read the tags of a header, which are written as in a query."""
    said = headers.get("x-amz-tagging", "")
    if not said:
        return {}
    try:
        pairs = parse_qsl(said, keep_blank_values=True, errors="strict")
    except ValueError:
        raise refuse(
            "InvalidArgument",
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
            "parameters without tag name duplicates.",
        ) from None
    return check_tags(pairs, most=10)


def notes_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Read what only S3 knows of.

    Raises:
        AwsError: there is no such class, or the encryption is none of ours.
    """
    kind = headers.get("x-amz-storage-class", STANDARD) or STANDARD
    if kind not in CLASSES:
        raise refuse("InvalidStorageClass", StorageClassRequested=kind)
    return Notes().but(
        **{
            "class": "" if kind == STANDARD else kind,
            "expires": headers.get("expires", ""),
            "redirect": _redirect(headers.get("x-amz-website-redirect-location", "")),
            "sse": encryption_of(headers),
        }
    )


def encryption_of(headers: Mapping[str, str]) -> str:
    """Read which encryption is asked for; what lies here has the one of the disk below it.

    Raises:
        AwsError: it is with keys that we do not hold, which would be a promise not kept.
    """
    if any(name.startswith("x-amz-server-side-encryption-customer-") for name in headers):
        raise refuse("NotImplemented", "Server side encryption with keys of customers is not here")
    said = headers.get("x-amz-server-side-encryption", "")
    if said.startswith("aws:kms") or any(
        name.startswith("x-amz-server-side-encryption-aws-kms") for name in headers
    ):
        raise refuse("NotImplemented", "Server side encryption with KMS is not here")
    if said not in ("", "AES256"):
        raise refuse("InvalidArgument", "The encryption method specified is not supported")
    return said


def lock_of(headers: Mapping[str, str]) -> Lock | None:
    """Read how an object that is to be stored is locked.

    Raises:
        AwsError: what is said is not whole.
    """
    mode = headers.get("x-amz-object-lock-mode", "")
    until = headers.get("x-amz-object-lock-retain-until-date", "")
    hold = headers.get("x-amz-object-lock-legal-hold", "")
    if not (mode or until or hold):
        return None
    if hold not in ("", "ON", "OFF"):
        raise refuse("InvalidArgument", "Legal Hold must be either of 'ON' or 'OFF'")
    if not mode and not until:
        return Lock(held=True) if hold == "ON" else None
    if not (mode and until):
        raise refuse(
            "InvalidArgument",
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
        )
    moment = read_iso(until)
    if mode not in (GOVERNANCE, COMPLIANCE) or moment is None:
        raise refuse("InvalidArgument", "Unknown wormMode directive.")
    return Lock(until=moment, held=hold == "ON", yields=mode == GOVERNANCE)


def headers_of(blob: Blob, *, versioned: bool) -> list[tuple[str, str]]:
    """Say in headers what is known of an object."""
    about, notes = blob.about, Notes(blob.about.notes)
    found = [
        ("last-modified", http_date(blob.stored_at)),
        ("etag", f'"{blob.etag}"'),
        ("accept-ranges", "bytes"),
        ("content-type", about.content_type),
        *((name.replace("_", "-"), getattr(about, name)) for name in _FIELDS),
        ("expires", _encoded(notes.expires)),
        ("x-amz-version-id", blob.version if versioned else ""),
        ("x-amz-storage-class", "" if notes.storage_class == STANDARD else notes.storage_class),
        ("x-amz-website-redirect-location", _encoded(notes.redirect)),
        ("x-amz-server-side-encryption", notes.encryption),
        ("x-amz-tagging-count", str(len(about.tags)) if about.tags else ""),
        *_lock_headers(about.lock),
        *((META + name, _encoded(value)) for name, value in about.metadata.items()),
    ]
    return [(name, value) for name, value in found if value or name.startswith(META)]


def sums_of(blob: Blob, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Say the checksums, where they are asked for."""
    if headers.get("x-amz-checksum-mode", "").upper() != "ENABLED":
        return []
    return in_headers(blob.checksums)


def overridden(
    found: list[tuple[str, str]], query: Mapping[str, str], *, signed: bool
) -> list[tuple[str, str]]:
    """Say instead what the query asks to be said.

    Raises:
        AwsError: nobody signed, so anybody could have written this.
    """
    wanted = {
        name: query[f"response-{name}"] for name in _OVERRIDES if query.get(f"response-{name}")
    }
    if any(_CONTROL.search(value) for value in wanted.values()):
        raise refuse("InvalidArgument", "Header values hold no control signs")
    if wanted and not signed:
        raise refuse(
            "InvalidRequest",
            "Request specific response headers cannot be used for anonymous GET requests.",
        )
    return [pair for pair in found if pair[0] not in wanted] + list(wanted.items())


def with_directives(about: About, source: About, headers: Mapping[str, str]) -> About:
    """Say what a copy is: as its headers say, or as its source, each for what is said and tags.

    Raises:
        AwsError: there is no such directive.
    """
    kept = headers.get("x-amz-metadata-directive", "COPY") or "COPY"
    tagged = headers.get("x-amz-tagging-directive", "COPY") or "COPY"
    if kept not in ("COPY", "REPLACE"):
        raise refuse(
            "InvalidArgument",
            "Unknown metadata directive.",
            ArgumentName="x-amz-metadata-directive",
            ArgumentValue=kept,
        )
    if tagged not in ("COPY", "REPLACE"):
        raise refuse(
            "InvalidArgument",
            "Unknown tagging directive.",
            ArgumentName="x-amz-tagging-directive",
            ArgumentValue=tagged,
        )
    if tagged == "COPY":
        about = replace(about, tags=source.tags)
    if kept == "REPLACE":
        return about
    expires = Notes(source.notes).expires
    fields = {name: getattr(source, name) for name in _FIELDS}
    notes = Notes(about.notes).but(expires=expires)
    return replace(
        about, content_type=source.content_type, metadata=source.metadata, notes=notes, **fields
    )


def _lock_headers(lock: Lock | None) -> list[tuple[str, str]]:
    if lock is None:
        return []
    found = [("x-amz-object-lock-legal-hold", "ON" if lock.held else "OFF")]
    if lock.until:
        found += [
            ("x-amz-object-lock-mode", mode_of(lock)),
            ("x-amz-object-lock-retain-until-date", iso_exact(lock.until)),
        ]
    return found


def _decoded(value: str) -> str:
    """Headers come as Latin-1; most clients mean UTF-8 by what is beyond ASCII."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return value


def _encoded(value: str) -> str:
    """What headers cannot say is said as RFC 2047 has it, as S3 does."""
    plain = not _CONTROL.search(value)
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        plain = False
    if not plain:
        return f"=?UTF-8?B?{b64encode(value.encode()).decode()}?="
    return value


def mode_of(lock: Lock) -> str:
    return GOVERNANCE if lock.yields else COMPLIANCE


def _without_chunks(encoding: str) -> str:
    """aws-chunked is how it was sent, not what it is."""
    kept = [one.strip() for one in encoding.split(",") if one.strip() != "aws-chunked"]
    return ",".join(kept) if "aws-chunked" in encoding else encoding


def _redirect(location: str) -> str:
    if location and not re.match(r"/|https?://", location):
        raise refuse(
            "InvalidRequest",
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        )
    return location
