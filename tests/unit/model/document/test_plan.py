"""Which index serves which query, and which one is advised."""

import pytest

from tapwater_server.model.document.index import Index
from tapwater_server.model.document.plan import Plan, plan
from tapwater_server.model.document.query import Query
from tapwater_server.services.docs.reading import (
    IndexAsked,
    QueryAsked,
    read_index,
    read_query,
    read_simple,
)


def query(where: str, order: str = "", *, group: bool = False) -> Query:
    given = {"where": where, "order_by": order, "group": "true" if group else ""}
    return read_query(read_simple(given, "t"))


def index(*fields: str, group: bool = False) -> Index:
    return read_index(IndexAsked(collection="t", fields=list(fields), group=group))


def planned(where: str, order: str, *indexes: Index) -> Plan:
    return plan(query(where, order), indexes)


@pytest.mark.parametrize(
    ("where", "order", "fields"),
    [
        ("a==1", "", ["a"]),
        ("a==1", "", ["-a"]),
        ("a==1", "a", ["a"]),
        ("a>1", "", ["a"]),
        ("a>1;a<=5", "-a", ["a"]),
        ("a>1", "-a", ["-a"]),
        ("a starts with x", "", ["a"]),
        ("a exists true", "a", ["a"]),
        ("", "a", ["a"]),
        ("", "-a,-b", ["a", "b"]),
        ("", "-a,b", ["a", "-b"]),
        ("a==1", "b", ["a", "b"]),
        ("a==1;b==2", "", ["b", "a"]),
        ("a==1;b==2", "-c", ["b", "a", "c"]),
        ("a==1;b>2", "", ["a", "b"]),
        ("a in [1,2,3]", "b", ["a", "b"]),
        ("tags contains x", "b", ["tags[]", "b"]),
        ("a.b==1", "", ["a.b"]),
    ],
)
def test_an_index_serves_a_query(where: str, order: str, fields: list[str]) -> None:
    if "exists" in where:
        wanted = read_query(
            QueryAsked(collection="t", where=[["a", "exists", True]], order_by=["a"])
        )
    else:
        wanted = query(where, order)
    found = plan(wanted, [index("z"), index(*fields), index(*fields, group=True)])
    assert found.advice is None
    assert found.ordered
    assert found.exact
    assert {branch.index for branch in found.branches} == {index(*fields)}


@pytest.mark.parametrize(
    ("where", "order", "fields"),
    [
        ("a==1", "", ["b"]),
        ("a>1", "b", ["a"]),
        ("", "a,b", ["a"]),
        ("", "a", ["a", "b"]),
        ("", "a,-b", ["a", "b"]),
        ("a==1", "c", ["a", "b", "c"]),
        ("tags contains x", "", ["tags"]),
        ("tags==[1]", "", ["tags[]"]),
        ("", "tags", ["tags[]"]),
    ],
)
def test_an_index_does_not_serve_a_query_whole(where: str, order: str, fields: list[str]) -> None:
    found = planned(where, order, index(*fields))
    assert found.advice is not None
    assert not (found.ordered and found.exact)


@pytest.mark.parametrize(
    ("where", "order", "fields"),
    [
        ("a==1", "", ["a"]),
        ("a==1;b>2", "", ["a", "b"]),
        ("a==1", "-b", ["a", "b"]),
        ("", "-b,c", ["b", "-c"]),
        ("tags contains 1;a==2", "b", ["tags[]", "a", "b"]),
        ("a in [1,2]", "a", ["a"]),
        ("a!=1", "b", ["b"]),
    ],
)
def test_the_advised_index_serves(where: str, order: str, fields: list[str]) -> None:
    wanted = query(where, order)
    assert plan(wanted, []).advice == index(*fields)
    assert plan(wanted, [index(*fields)]).advice is None


@pytest.mark.parametrize("where", ["", "a!=1", "a not in [1]"])
def test_where_no_index_helps_none_is_advised(where: str) -> None:
    wanted = read_query(QueryAsked(collection="t", where=[["a", "not in", [1]]]))
    found = plan(wanted if "not in" in where else query(where), [])
    assert found.advice is None
    assert found.ordered


def test_two_that_cannot_both_be_bound_advise_no_more_than_one() -> None:
    wanted = query("tags contains 1;more contains 2")
    first = plan(wanted, []).advice
    assert first is not None
    assert plan(wanted, [first]).advice is None


def test_nothing_can_be_in_nothing() -> None:
    assert planned("a in []", "").branches == ()


def test_an_or_of_which_one_side_has_no_index_looks_once_at_everything() -> None:
    asked = QueryAsked(collection="t", where=[{"or": [["a", "==", 1], ["b", "==", 1]]}])
    found = plan(read_query(asked), [index("a")])
    assert [branch.index for branch in found.branches] == [None]
    assert found.advice == index("b")
    both = plan(read_query(asked), [index("a"), index("b")])
    assert {branch.index for branch in both.branches} == {index("a"), index("b")}
    assert both.ordered
