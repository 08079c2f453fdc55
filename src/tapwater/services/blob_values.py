"""What a client knows of blobs and buckets, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# A part of an upload or a range of a download: what fits a function's line to the platform.
PART_BYTES = 768 << 10


@dataclass(frozen=True)
class Blob:
    """The facts of one version of a blob. ``deleted``: this version says that it was deleted."""

    bucket: str
    key: str
    version: str = "null"
    size: int = 0
    etag: str = ""
    stored_at: float = 0.0
    content_type: str = ""
    cache_control: str = ""
    content_disposition: str = ""
    content_encoding: str = ""
    content_language: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    current: bool = True
    deleted: bool = False

    @property
    def path(self) -> str:
        """``bucket/key``, as the client's methods take it."""
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Bucket:
    """A bucket and its settings; ``versions`` and ``bytes`` are what it holds, if asked."""

    name: str
    created_at: float = 0.0
    versioning: str = "off"
    lifecycle: tuple[Mapping[str, Any], ...] = ()
    versions: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Form:
    """What an upload form in a page needs: where it posts to, and its hidden fields. The file
    comes last, as ``<input type="file" name="file">``.
    """

    url: str
    fields: Mapping[str, str]


def read_blob(said: Mapping[str, Any]) -> Blob:
    """Read a blob's facts; what a newer platform adds is left out."""
    return Blob(**{name: said[name] for name in Blob.__dataclass_fields__ if name in said})


def read_bucket(said: Mapping[str, Any]) -> Bucket:
    known = {name: said[name] for name in Bucket.__dataclass_fields__ if name in said}
    return Bucket(**{**known, "lifecycle": tuple(known.get("lifecycle", ()))})


def split_path(path: str) -> tuple[str, str]:
    """Take ``bucket/key`` apart.

    >>> split_path("avatars/users/7.png")
    ('avatars', 'users/7.png')

    Raises:
        ValueError: it is no such path.
    """
    bucket, slash, key = path.partition("/")
    if not bucket or not slash or not key:
        raise ValueError(f"{path!r} is no path of a blob: write bucket/key")
    return bucket, key
