"""What clients send: understood, or refused with the place that is wrong."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.document.paths import parse_doc_path, parse_field, write_field
from tapwater_server.model.document.query import Every, Is, Order, Some
from tapwater_server.model.errors import Invalid
from tapwater_server.services.docs.reading import (
    CommitAsked,
    IndexAsked,
    QueryAsked,
    read_commit,
    read_data,
    read_index,
    read_query,
    read_simple,
)


def query(**said: Any) -> QueryAsked:
    return msgspec.convert({"collection": "users", **said}, QueryAsked)


def test_a_query_is_read() -> None:
    read = read_query(
        query(
            where=[["a.b", ">", 3], {"or": [["c", "==", None], {"and": [["d", "in", [1]]]}]}],
            order_by=["-a.b", "c"],
            select=["x"],
        )
    )
    inner = Some((Is(("c",), "==", None), Every((Is(("d",), "in", [1]),))))
    assert read.where == Every((Is(("a", "b"), ">", 3), inner))
    assert read.order_by == (Order(("a", "b"), descending=True), Order(("c",)))


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"collection": "a/b"}, "collection"),
        ({"collection": "a//b"}, "collection"),
        ({"collection": "a/b/c", "group": True}, "collection"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"where": [["a", "like", 1]]}, "where[0]"),
        ({"where": [["a", "=="]]}, "where[0]"),
        ({"where": [["a", "==", 1], {"or": []}]}, "where[1]"),
        ({"where": [{"or": [["a", "==", 1], {"nor": []}]}]}, "where[0].or[1]"),
        ({"where": [["a..b", "==", 1]]}, "where[0]"),
        ({"where": [["a", "in", 1]]}, "where[0]"),
        ({"where": [["a", "in", [0] * 101]]}, "where[0]"),
        ({"where": [["a", "exists", 1]]}, "where[0]"),
        ({"where": [["a", "starts with", 1]]}, "where[0]"),
        ({"where": [["a", "==", 2**64]]}, "where[0]"),
        ({"where": [["a", "==", 1]] * 101}, "where[100]"),
        ({"order_by": ["a", "b."]}, "order_by[1]"),
        ({"order_by": ["a"] * 11}, "order_by"),
        ({"select": [""]}, "select[0]"),
    ],
)
def test_what_is_wrong_with_a_query_is_named(said: dict[str, Any], where: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_query(query(**said))
    assert refused.value.problems[0]["where"] == where


def test_a_query_nests_only_so_deep() -> None:
    nested: Any = ["a", "==", 1]
    for _ in range(20):
        nested = {"or": [nested]}
    with pytest.raises(Invalid, match="10 deep"):
        read_query(query(where=[nested]))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("age>3", ["age", ">", 3]),
        ("age >= 3.5", ["age", ">=", 3.5]),
        ("city==Ulm", ["city", "==", "Ulm"]),
        ('city=="3"', ["city", "==", "3"]),
        ("tags contains a", ["tags", "contains", "a"]),
        ("a in [1,2]", ["a", "in", [1, 2]]),
        ("name starts with A b", ["name", "starts with", "A b"]),
        ("ok!=true", ["ok", "!=", True]),
        ("a==", ["a", "==", ""]),
        ("a contains ", ["a", "contains", ""]),
        (" a<=-1 ", ["a", "<=", -1]),
        ("a==b==c", ["a", "==", "b==c"]),
    ],
)
def test_simple_conditions(text: str, condition: list[Any]) -> None:
    assert read_simple({"where": text}, "users").where == [condition]


@pytest.mark.parametrize(
    "given",
    [
        {"where": "age"},
        {"limit": "x"},
        {"where": ">3"},
        {"where": "a" + " " * 200_000},  # Looked at once, or this test would not end.
    ],
)
def test_simple_queries_that_make_no_sense(given: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        read_query(read_simple(given, "users"))


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"writes": [{}]}, "writes[0]"),
        ({"writes": [{"set": "a/b", "delete": "a/b"}]}, "writes[0]"),
        ({"writes": [{"set": "a/b"}, {"set": "a"}]}, "writes[1]"),
        ({"writes": [{"set": "a/b", "data": {"x": {"$y": 1}}}]}, "data.x"),
        ({"writes": [{"set": "a/b", "data": {"x": {"$increment": "1"}}}]}, "data.x"),
        ({"writes": [{"set": "a/b", "data": {"x": {"$union": 1}}}]}, "data.x"),
        ({"writes": [{"set": "a/b", "data": {"x": [{"$now": True}]}}]}, "data.x[0].$now"),
        ({"writes": [{"update": "a/b", "data": {"x..y": 1}}]}, "writes[0]"),
        ({"writes": [{"set": "a/b", "ttl": -1}]}, "ttl"),
        ({"writes": [{"set": "a/b", "ttl": 1, "expires_at": 1}]}, "ttl"),
        ({"writes": [{"delete": "a/b"}] * 501}, "writes"),
        ({"writes": [], "reads": {"a": 1}}, "reads"),
    ],
)
def test_what_is_wrong_with_a_commit_is_named(said: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_commit(msgspec.convert(said, CommitAsked), now=0.0)
    assert refused.value.problems[0]["where"] == place


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"1", b"{", b'{"a": NaN}', b'"\xff"', b"[" * 100_000, b'{"a":1e999}']
)
def test_what_is_no_document(raw: bytes) -> None:
    with pytest.raises(Invalid):
        read_data(raw)


@pytest.mark.parametrize(
    "fields", [[], ["a", "a"], ["a", "-a"], ["a[]", "b[]"], ["."], ["a"] * 7, ["-"]]
)
def test_indexes_that_make_no_sense(fields: list[str]) -> None:
    with pytest.raises(Invalid):
        read_index(IndexAsked(collection="users", fields=fields))


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4))
def test_places_are_read_as_they_are_written(names: list[str]) -> None:
    if all(name.isprintable() for name in names):
        assert parse_field(write_field(tuple(names))) == tuple(names)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "a/b/c",
        "a/",
        "/b",
        "a//b/c",
        "a/..",
        "./b",
        "a/\x00",
        "a/\n",
        "a/" + "x" * 201,
        "a/b/" * 11 + "a/b",
        "a/\ud800",
    ],
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(Invalid):
        parse_doc_path(path)
