"""Conditions of requests as S3 reads them. Pure."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.times import read_http_date
from tapwater_server.model.blob import Blob
from tapwater_server.model.blob_conditions import Condition

COPY_SOURCE = "x-amz-copy-source-"


def condition_of(headers: Mapping[str, str], *, prefix: str = "") -> Condition:
    """Read If-Match and its like; with a prefix those on the source of a copy."""
    none_match = _tags(headers.get(f"{prefix}if-none-match"))
    match = _tags(headers.get(f"{prefix}if-match"))
    modified = headers.get(f"{prefix}if-modified-since")
    unmodified = headers.get(f"{prefix}if-unmodified-since")
    return Condition(
        match=match,
        none_match=none_match,
        modified_since=read_http_date(modified) if modified else None,
        unmodified_since=read_http_date(unmodified) if unmodified else None,
    )


def condition_of_write(headers: Mapping[str, str]) -> Condition:
    """Read what must hold of the key that is written to.

    Raises:
        AwsError: NotImplemented, as S3 knows If-None-Match with a star only.
    """
    none_match = _tags(headers.get("if-none-match"))
    return Condition(match=_tags(headers.get("if-match")), none_match=none_match)


def check_deletion(headers: Mapping[str, str], blob: Blob | None) -> Condition:
    """Judge a conditional deletion; gives what must still hold when it is done.

    Raises:
        AwsError: PreconditionFailed, NoSuchKey.
    """
    return check_expected(
        blob,
        etag=headers.get("if-match", ""),
        modified=headers.get("x-amz-if-match-last-modified-time", ""),
        size=headers.get("x-amz-if-match-size", ""),
    )


def check_expected(blob: Blob | None, *, etag: str, modified: str, size: str) -> Condition:
    """Judge what is expected of an object that is to be deleted."""
    if not (etag or modified or size):
        return Condition()
    if blob is None and etag:
        raise refuse("NoSuchKey")
    if blob is None:
        return Condition()  # It is gone already, which is what was wanted.
    tags = _tags(etag) if etag else ()
    wrong = (
        (tags and "*" not in tags and blob.etag not in tags)
        or (modified and read_http_date(modified) != int(blob.stored_at))
        or (size and size != str(blob.size))
    )
    if wrong:
        raise refuse("PreconditionFailed", Condition="If-Match")
    return Condition(match=(blob.etag,))


def failed_on_source(headers: Mapping[str, str]) -> AwsError:
    """Say which condition on the source of a copy does not hold."""
    for name in ("If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since"):
        if f"{COPY_SOURCE}{name.lower()}" in headers:
            return refuse("PreconditionFailed", Condition=f"{COPY_SOURCE}{name}")
    return refuse("PreconditionFailed")


def _tags(text: str | None) -> tuple[str, ...]:
    """Read ETags, with quotes or without."""
    if text is None:
        return ()
    return tuple(one.strip().strip('"') for one in text.split(",") if one.strip())
