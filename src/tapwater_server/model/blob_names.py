"""How buckets and keys are called, and how much may be said about a blob. Pure."""

import re
from collections.abc import Mapping

from tapwater_server.model.blob import About
from tapwater_server.model.errors import Invalid

KEY_BYTES_MAX = 1024  # As in S3.
METADATA_BYTES_MAX = 2 << 10  # As in S3; it must fit a header as JSON, six times as long.
TAGS_MAX = 10
TAG_CHARS_MAX = 256
FIELD_CHARS_MAX = 1024  # Of a content type or the like.

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# A comma only in quotes, and nothing escaped there: of several types with commas between browsers
# take the last, so that text/html would come in the disguise of what is harmless.
_PLAIN, _QUOTED = r"[ !#-+\--~]", r'"[ !#-\[\]-~]*"'
_TYPE = re.compile(
    rf"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;({_PLAIN}|{_QUOTED})*)?",
    re.ASCII,
)
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_META = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}")


def parse_bucket(text: str) -> str:
    """Read a bucket's name, by the rules of S3.

    >>> parse_bucket("avatars")
    'avatars'

    Raises:
        Invalid: the text is no such name.
    """
    if not _BUCKET.fullmatch(text) or ".." in text:
        raise Invalid(
            f"{text[:80]!r} is not a bucket's name: use 3 to 63 lower-case letters, digits, dots "
            "and dashes, with a letter or digit at both ends"
        )
    return text


def parse_key(text: str) -> str:
    """Read a blob's key. It is a name, not a path on a disk; any text but control signs.

    >>> parse_key("users/42/ümlaut.png")
    'users/42/ümlaut.png'

    Raises:
        Invalid: the text is no such name.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Invalid("a key must be text that UTF-8 can write") from None
    if not 1 <= size <= KEY_BYTES_MAX:
        raise Invalid(f"a key has from 1 to {KEY_BYTES_MAX} bytes; this one has {size}")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise Invalid("a key holds no control signs")
    # Clients and proxies resolve these by themselves, each in its own way.
    if any(segment in (".", "..") for segment in text.split("/")):
        raise Invalid("a key has no segment '.' or '..'")
    return text


def check_about(about: About) -> About:
    """Let pass what can be kept and sent as headers.

    Raises:
        Invalid: something is too long, or is no text for a header.
    """
    if not _TYPE.fullmatch(about.content_type) or len(about.content_type) > FIELD_CHARS_MAX:
        raise Invalid(f"{about.content_type[:80]!r} is not a media type")
    for name in ("cache_control", "content_disposition", "content_encoding", "content_language"):
        said = getattr(about, name)
        if not _PRINTABLE.fullmatch(said) or len(said) > FIELD_CHARS_MAX:
            raise Invalid(f"{name} must be plain text of {FIELD_CHARS_MAX} signs at most")
    _check_metadata(about.metadata)
    _check_tags(about.tags)
    return about


def _check_metadata(metadata: Mapping[str, str]) -> None:
    size = 0
    for name, value in metadata.items():
        if not _META.fullmatch(name):
            raise Invalid(
                f"{name[:80]!r} cannot name metadata: use lower-case letters, digits, _ . -"
            )
        size += len(name) + len(_encoded(value))
    if size > METADATA_BYTES_MAX:
        raise Invalid(f"metadata has {size} bytes; the most is {METADATA_BYTES_MAX}")


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise Invalid(f"a blob has {TAGS_MAX} tags at most")
    for name, value in tags.items():
        _encoded(name + value)
        if not name or max(len(name), len(value)) > TAG_CHARS_MAX:
            raise Invalid(f"a tag's name and value have {TAG_CHARS_MAX} signs at most")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Invalid("metadata and tags must be text that UTF-8 can write") from None
