"""A blob and what is known of it: values without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BLOB_BYTES_MAX = 5 << 40  # As in S3; a part may be as large.
PARTS_MAX = 10_000  # Of one upload, as in S3.
INLINE_BYTES_MAX = 16 << 10  # Content up to this lies with the facts: one fsync, no file.
UNVERSIONED = "null"  # The version of what was stored while its bucket kept none, as in S3.
DEFAULT_TYPE = "application/octet-stream"


class Versioning(StrEnum):
    """Whether a bucket keeps what was replaced or deleted."""

    OFF = "off"
    ON = "on"
    SUSPENDED = "suspended"  # It was on: the old versions stay, new ones are not kept.


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Why a version cannot be deleted yet: before a moment, or as long as it is held."""

    until: float = 0.0  # seconds since the epoch
    held: bool = False
    yields: bool = False  # to who says that the moment does not matter; what is held never does


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an uploader says of a blob. ``notes`` is what the interface of another cloud keeps of
    it beside that (who owns it, who may read it); nobody else reads them.
    """

    content_type: str = DEFAULT_TYPE
    cache_control: str = ""
    content_disposition: str = ""
    content_encoding: str = ""
    content_language: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    lock: Lock | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of content: the name of its bytes, or for little ones the bytes themselves."""

    size: int
    name: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """The facts of one version of a blob. A ``marker`` says that it was deleted."""

    bucket: str
    key: str
    version: str
    size: int
    etag: str  # MD5 of the content; of the parts' MD5s, a dash and their number
    stored_at: float  # seconds since the epoch
    about: About = field(default_factory=About)
    checksums: Mapping[str, str] = field(default_factory=dict)  # algorithm -> hex
    marker: bool = False
    current: bool = True  # what one sees without naming a version


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be stored; its bytes are on disk already, and nobody sees them yet."""

    bucket: str
    key: str
    size: int
    etag: str
    pieces: tuple[Piece, ...] = ()
    about: About = field(default_factory=About)
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleRule:
    """What a bucket lets go by itself, below a prefix. A day count of 0 says never."""

    prefix: str = ""
    expire_days: float = 0.0  # after it was stored
    drop_old_days: float = 0.0  # after another version took its place
    keep_old_max: int = 0  # the newest so many old versions of a key stay whatever their age
    abort_upload_days: float = 0.0  # after it was begun
    expire_at: float = 0.0  # all at this moment, instead of after days
    drop_markers: bool = False  # that hide nothing any more
    tags: Mapping[str, str] = field(default_factory=dict)  # of those only that have all of these
    size_over: int = -1  # bytes
    size_under: int = 0  # bytes; 0: any


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A named place for blobs of one app."""

    name: str
    created_at: float = 0.0
    versioning: Versioning = Versioning.OFF
    lifecycle: tuple[LifecycleRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload in parts that has not been completed."""

    id: str
    bucket: str
    key: str
    begun_at: float
    about: About = field(default_factory=About)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of an upload."""

    number: int
    size: int
    etag: str
    piece: Piece
    stored_at: float = 0.0
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of a listing. ``next`` continues it; empty at the end."""

    blobs: tuple[Blob, ...] = ()
    prefixes: tuple[str, ...] = ()
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who brought a change about, for the events it raises."""

    root: str = ""
    depth: int = 0
    trace: str = ""
    how: str = ""  # "put", "copy", "post", "complete", "delete", "expire", where that is known
