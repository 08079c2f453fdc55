"""What an app's file says about its documents: ``[[indexes]]`` and ``[[ttl]]``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tapwater_server.model.document.expiry import TTLS_MAX, Ttl
from tapwater_server.model.document.index import INDEXES_MAX, Index, make_index
from tapwater_server.model.document.paths import parse_field, parse_group
from tapwater_server.model.errors import Invalid

ENTRIES_MAX = 500
Complaints = list[tuple[int, str]]  # the entry's number, from 0; and what is wrong with it
T = TypeVar("T")


def parse_indexes(raw: object) -> tuple[tuple[Index, ...], Complaints]:
    """Read the entries of ``[[indexes]]``.

    >>> parse_indexes([{"collection": "books", "fields": ["author", "-title"]}])[0][0].id
    'books:author,-title'
    >>> parse_indexes([{"collection": "books"}])[1]
    [(0, 'fields: name at least one, such as ["author", "-title"]')]
    """
    found, complaints = _parse(raw, ("collection", "fields", "group"), _index)
    of_name: dict[str, int] = {}
    for number, index in found:
        of_name[index.name] = of_name.get(index.name, 0) + 1
        if of_name[index.name] == INDEXES_MAX + 1:
            complaints.append((number, f"{index.name} has more than {INDEXES_MAX} indexes"))
    complaints += _twice([(number, index.id) for number, index in found])
    return tuple(index for _, index in found), complaints


def parse_ttls(raw: object) -> tuple[tuple[Ttl, ...], Complaints]:
    """Read the entries of ``[[ttl]]``.

    >>> parse_ttls([{"collection": "sessions", "field": "expires_at"}])[0][0].field
    ('expires_at',)
    """
    found, complaints = _parse(raw, ("collection", "field"), _ttl)
    complaints += _twice([(number, ttl.name) for number, ttl in found])
    if len(found) > TTLS_MAX:
        complaints.append((TTLS_MAX, f"at most {TTLS_MAX} collections can have one"))
    return tuple(ttl for _, ttl in found), complaints


def write_entry(index: Index) -> str:
    """Write the lines of tapwater.toml that declare an index.

    >>> print(write_entry(make_index("books", ["-title"], group=True)))
    [[indexes]]
    collection = "books"
    fields = ["-title"]
    group = true
    """
    fields = ", ".join(_quoted(str(each)) for each in index.fields)
    lines = ["[[indexes]]", f"collection = {_quoted(index.name)}", f"fields = [{fields}]"]
    return "\n".join([*lines, "group = true"] if index.group else lines)


def _quoted(text: str) -> str:
    """Write a basic string of TOML: what has no sign of its own is written by its number."""
    said = "".join(
        c
        if c.isprintable() and c not in '"\\'
        else f"\\U{ord(c):08x}"
        if c not in '"\\'
        else f"\\{c}"
        for c in text
    )
    return f'"{said}"'


def _parse(
    raw: object, keys: Sequence[str], read: Callable[[Mapping[str, Any]], T]
) -> tuple[list[tuple[int, T]], Complaints]:
    if not isinstance(raw, list | tuple):
        return [], [(0, "write each one as a table of its own, with two brackets")]
    if len(raw) > ENTRIES_MAX:
        return [], [(ENTRIES_MAX, f"at most {ENTRIES_MAX} entries")]
    found, complaints = list[tuple[int, T]](), Complaints()
    for number, entry in enumerate(raw):
        if not isinstance(entry, Mapping):
            complaints.append((number, "must be a table"))
            continue
        strange = [key for key in entry if key not in keys]
        if strange:
            known = ", ".join(keys)
            complaints.append((number, f"there is no key {strange[0][:40]!r} (there are: {known})"))
            continue
        try:
            found.append((number, read(entry)))
        except Invalid as error:
            complaints.append((number, error.message))
    return found, complaints


def _index(entry: Mapping[str, Any]) -> Index:
    fields, group = entry.get("fields"), entry.get("group", False)
    if not isinstance(fields, list) or not fields or not all(isinstance(f, str) for f in fields):
        raise Invalid('fields: name at least one, such as ["author", "-title"]')
    if not isinstance(group, bool):
        raise Invalid("group: must be true or false")
    return make_index(_collection(entry), fields, group=group)


def _ttl(entry: Mapping[str, Any]) -> Ttl:
    field = entry.get("field")
    if not isinstance(field, str):
        raise Invalid('field: name one, such as "expires_at"')
    return Ttl(name=_collection(entry), field=parse_field(field), declared=True)


def _collection(entry: Mapping[str, Any]) -> str:
    collection = entry.get("collection")
    if not isinstance(collection, str):
        raise Invalid('collection: name one, such as "users"')
    return parse_group(collection)


def _twice(named: Sequence[tuple[int, str]]) -> Complaints:
    seen, complaints = set[str](), Complaints()
    for number, name in named:
        if name in seen:
            complaints.append((number, f"{name} stands there twice"))
        seen.add(name)
    return complaints
