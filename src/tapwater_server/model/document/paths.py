"""Where documents lie: ``users/42/orders/7``; and where a value lies in one: ``address.city``."""

import re
from dataclasses import dataclass

from tapwater_server.model.errors import Invalid

SEGMENT_CHARS_MAX = 200
SEGMENTS_MAX = 20
PATH_BYTES_MAX = 1500
FIELD_CHARS_MAX = 500
_SEGMENT = re.compile(r"[^/\x00-\x1f\x7f]+")
_FIELD = re.compile(r"((?:[^.\\]|\\.)*)(\.|$)", re.S)

Field = tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class DocPath:
    """A document: its collection and its id there."""

    collection: str
    id: str

    def __str__(self) -> str:
        return f"{self.collection}/{self.id}"


def parse_doc_path(text: str) -> DocPath:
    """Read the path of a document.

    >>> parse_doc_path("users/42/orders/7")
    DocPath(collection='users/42/orders', id='7')

    Raises:
        Invalid: it is none.
    """
    segments = _segments(text)
    if len(segments) % 2:
        raise Invalid(f"{text[:100]!r} is a collection; a document is COLLECTION/ID")
    collection, _, id = text.rpartition("/")
    return DocPath(collection, id)


def parse_collection(text: str) -> str:
    """Check the path of a collection.

    >>> parse_collection("users/42/orders")
    'users/42/orders'

    Raises:
        Invalid: it is none.
    """
    if not len(_segments(text)) % 2:
        raise Invalid(f"{text[:100]!r} is a document; a collection has an odd number of parts")
    return text


def parse_group(text: str) -> str:
    """Check the name that collections of one group share: the last part of their paths.

    Raises:
        Invalid: it is none.
    """
    if len(_segments(text)) != 1:
        raise Invalid(f"a group of collections is one name, such as orders, not {text[:100]!r}")
    return text


def name_of(collection: str) -> str:
    """Give the last part of a collection's path, by which indexes know it.

    >>> name_of("users/42/orders")
    'orders'
    """
    return collection.rpartition("/")[2]


def _segments(text: str) -> list[str]:
    segments = text.split("/")
    for segment in segments:
        check_segment(segment)
    if len(segments) > SEGMENTS_MAX or len(text.encode()) > PATH_BYTES_MAX:
        raise Invalid(
            f"a path has at most {SEGMENTS_MAX} parts and {PATH_BYTES_MAX} bytes: {text[:100]!r}"
        )
    return segments


def check_segment(segment: str) -> str:
    """Check the name of one collection, or the id of one document.

    Raises:
        Invalid: it is none.
    """
    if not _SEGMENT.fullmatch(segment) or segment in {".", ".."} or not _is_text(segment):
        raise Invalid(
            f"{segment[:50]!r} is no name of a collection or document: 1 to {SEGMENT_CHARS_MAX} "
            "characters, no slash, no control characters"
        )
    if len(segment) > SEGMENT_CHARS_MAX:
        raise Invalid(f"a name has at most {SEGMENT_CHARS_MAX} characters: {segment[:50]!r}...")
    return segment


def _is_text(segment: str) -> bool:
    try:
        segment.encode()
    except UnicodeEncodeError:  # Half a surrogate pair.
        return False
    return True


def parse_field(text: str) -> Field:
    r"""Read where a value lies: names with dots between; a dot in a name is written ``\.``.

    >>> parse_field("address.city"), parse_field(r"a\.b")
    (('address', 'city'), ('a.b',))

    Raises:
        Invalid: it is no such place.
    """
    if not text or len(text) > FIELD_CHARS_MAX or not _is_text(text):
        raise Invalid(f"a field has 1 to {FIELD_CHARS_MAX} characters: {text[:50]!r}")
    names, at = [], 0
    while True:
        match = _FIELD.match(text, at)
        if match is None or not match[1]:
            raise Invalid(f"{text[:100]!r} is no field: write names with dots between")
        names.append(re.sub(r"\\(.)", r"\1", match[1], flags=re.S))
        if not match[2]:
            return tuple(names)
        at = match.end()


def write_field(field: Field) -> str:
    r"""Write a place as ``parse_field`` reads it.

    >>> write_field(("a.b", "c"))
    'a\\.b.c'
    """
    return ".".join(re.sub(r"([.\\])", r"\\\1", name) for name in field)
