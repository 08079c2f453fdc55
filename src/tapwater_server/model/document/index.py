"""Indexes: which fields, in which direction; and the keys under which a document stands in one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tapwater_server.model.document.paths import DocPath, Field, parse_field, write_field
from tapwater_server.model.document.query import invert
from tapwater_server.model.document.value import identity, order_key, pick, text_key
from tapwater_server.model.errors import Invalid

INDEXES_MAX = 40  # Of one collection's name: each costs every write.
FIELDS_MAX = 6
ELEMENTS_MAX = 1000  # Of a list in an index over its elements.


class State(StrEnum):
    """How far an index is."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class IndexField:
    """One field of an index. ``each``: an entry for each element of a list, for ``contains``."""

    field: Field
    descending: bool = False
    each: bool = False

    def __str__(self) -> str:
        sign = "-" if self.descending else ""
        return f"{sign}{write_field(self.field)}{'[]' if self.each else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index over the collections of one name: each by itself, or all together (``group``)."""

    name: str  # the last part of the collections' paths
    fields: tuple[IndexField, ...]
    group: bool = False

    @property
    def id(self) -> str:
        """What it is called: the same definition is the same index.

        >>> Index(name="users", fields=(IndexField(("age",), descending=True),)).id
        'users:-age'
        """
        scope = "*/" if self.group else ""
        return f"{scope}{self.name}:{','.join(map(str, self.fields))}"

    @property
    def tail_descending(self) -> bool:
        """Whether paths fall behind equal fields: as the last field does."""
        return self.fields[-1].descending


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    """An index and how far it is."""

    index: Index
    state: State
    built: int = 0  # documents looked at while building
    reason: str = ""


def check_index(index: Index) -> Index:
    """Refuse an index that makes no sense.

    Raises:
        Invalid: it has no or too many fields, one twice, or two lists.
    """
    if not 1 <= len(index.fields) <= FIELDS_MAX:
        raise Invalid(f"an index has 1 to {FIELDS_MAX} fields")
    if len({each.field for each in index.fields}) < len(index.fields):
        raise Invalid("an index has each field once")
    if sum(each.each for each in index.fields) > 1:
        raise Invalid("an index has the elements of one list at most")
    return index


def make_index(name: str, fields: Sequence[str], *, group: bool = False) -> Index:
    """Make an index of fields as people write them: ``age``, ``-age`` (falling), ``tags[]``.

    Raises:
        Invalid: a field is none, or the index makes no sense.
    """
    parts = list[IndexField]()
    for number, text in enumerate(fields):
        try:
            parts.append(_read_field(text))
        except Invalid as error:
            where = f"fields[{number}]"
            problems = ({"where": where, "what": error.message},)
            raise Invalid(f"{where}: {error.message}", problems=problems) from None
    return check_index(Index(name=name, fields=tuple(parts), group=group))


def _read_field(text: str) -> IndexField:
    name = text.removeprefix("-")
    place = parse_field(name.removesuffix("[]"))
    return IndexField(place, descending=text.startswith("-"), each=name.endswith("[]"))


def keys(index: Index, path: DocPath, data: Mapping[str, Any]) -> Sequence[bytes]:
    """Give the keys under which a document stands in an index.

    Raises:
        Invalid: its list has too many elements for an index over them.
    """
    heads = [b""]
    for part in index.fields:
        heads = [head + value for value in _values(index, part, data) for head in heads]
    tail = tail_of(index, path)
    return [head + tail for head in heads]


def tail_of(index: Index, path: DocPath) -> bytes:
    """Give the end of a key, which tells documents apart."""
    tail = text_key(path.collection) + text_key(path.id) if index.group else text_key(path.id)
    return invert(tail) if index.tail_descending else tail


def _values(index: Index, part: IndexField, data: Mapping[str, Any]) -> Sequence[bytes]:
    value = pick(data, part.field)
    if not part.each:
        found = [order_key(value)]
    elif not isinstance(value, list):
        return ()
    elif len(value) > ELEMENTS_MAX:
        raise Invalid(
            f"{write_field(part.field)} has {len(value)} elements; the index {index.id} takes "
            f"{ELEMENTS_MAX} at most"
        )
    else:
        found = list({identity(each): order_key(each) for each in value}.values())
        found = list(dict.fromkeys(found))  # Long ones can share a key.
    return [invert(key) for key in found] if part.descending else found
