"""What an app's file says about its documents: read whole, complained of by entry."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.document.declared import (
    parse_indexes,
    parse_ttls,
    write_entry,
)
from tapwater_server.model.document.expiry import EXPIRES_MAX, time_of
from tapwater_server.model.document.index import INDEXES_MAX, make_index


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"collection": "a", "fields": []}, "fields: name at least one"),
        ({"collection": "a", "fields": "x"}, "fields: name at least one"),
        ({"collection": "a", "fields": ["x", "y..z"]}, "fields[1]: 'y..z' is no field"),
        ({"collection": "a", "fields": ["x[]", "y[]"]}, "the elements of one list"),
        ({"collection": "a/b/c", "fields": ["x"]}, "a group of collections is one name"),
        ({"collection": 7, "fields": ["x"]}, "collection: name one"),
        ({"collection": "a", "fields": ["x"], "group": 1}, "group: must be true or false"),
        ({"collection": "a", "fields": ["x"], "unique": True}, "there is no key 'unique'"),
        ("x", "must be a table"),
    ],
)
def test_each_wrong_entry_is_named(entry: object, said: str) -> None:
    fine = {"collection": "a", "fields": ["n"]}
    found, complaints = parse_indexes([fine, entry])
    assert [each.id for each in found] == ["a:n"]
    ((number, what),) = complaints
    assert number == 1
    assert said in what


def test_what_stands_there_twice_or_too_often_is_named() -> None:
    one = {"collection": "a", "fields": ["n"]}
    assert parse_indexes([one, one])[1] == [(1, "a:n stands there twice")]
    many = [{"collection": "a", "fields": [f"n{n}"]} for n in range(INDEXES_MAX + 1)]
    assert parse_indexes(many)[1] == [(INDEXES_MAX, f"a has more than {INDEXES_MAX} indexes")]
    ttl = {"collection": "a", "field": "end"}
    assert parse_ttls([ttl, {**ttl, "field": "other"}])[1] == [(1, "a stands there twice")]
    assert parse_ttls({"collection": "a"})[1][0][0] == 0


NAMES = st.text(min_size=1, max_size=20).filter(
    lambda text: text.isprintable() and "/" not in text and text not in {".", ".."}
)
FIELDS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=10).map(
    lambda text: text.replace("\\", "x").replace(".", "y").lstrip("-").removesuffix("[]") or "z"
)


@given(
    name=NAMES, fields=st.lists(FIELDS, min_size=1, max_size=3, unique=True), group=st.booleans()
)
def test_what_advice_writes_is_read_as_the_same_index(
    name: str, fields: list[str], group: bool
) -> None:
    index = make_index(name, ["-" + each for each in fields], group=group)
    raw = tomllib.loads(write_entry(index))["indexes"]
    assert parse_indexes(raw) == ((index,), [])


@pytest.mark.parametrize(
    ("value", "end"),
    [
        (5, 5.0),
        (0.5, 0.5),
        ("1970-01-01T00:00:05Z", 5.0),
        ("1970-01-01T01:00:05+01:00", 5.0),
        ("1970-01-01T00:00:05", 0.0),  # Whose time that is, it does not say.
        ("1970-01-01", 0.0),
        ("9999-12-31T23:59:59-23:59", 0.0),
        ("x" * 10_000, 0.0),
        (0, 0.0),
        (-5, 0.0),
        (EXPIRES_MAX * 10, 0.0),
        (1 << 62, 0.0),
        (True, 0.0),
        (None, 0.0),
        ([5], 0.0),
        ({}, 0.0),
    ],
)
def test_what_is_a_time(value: object, end: float) -> None:
    assert time_of(value) == end
