"""Event patterns: what fits, what does not, what is no pattern."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.clouds.aws.rules.patterns import (
    PATTERN_LENGTH_MAX,
    BadPattern,
    compile_pattern,
)

EVENT = {
    "source": "shop.orders",
    "detail-type": "Order",
    "resources": ["arn:aws:s3:::a", "arn:aws:s3:::b"],
    "detail": {
        "state": "Running",
        "count": 3,
        "price": 2.5,
        "none": None,
        "yes": True,
        "ip": "10.0.0.7",
        "file": "a/b.png",
        "empty": [],
        "deep": {"x": {"y": "z"}},
        "items": [{"id": "1", "kind": "a"}, {"id": "2", "kind": "b"}],
    },
}


@pytest.mark.parametrize(
    ("detail", "fits"),
    [
        ({"state": ["Running"]}, True),
        ({"state": ["running"]}, False),
        ({"state": ["Stopped", "Running"]}, True),
        ({"count": [3]}, True),
        ({"count": [3.0]}, False),  # As AWS says: 300 and 300.0 are not the same.
        ({"yes": [True]}, True),
        ({"yes": [1]}, False),
        ({"count": [True]}, False),
        ({"none": [None]}, True),
        ({"gone": [None]}, False),
        ({"state": [{"prefix": "Run"}]}, True),
        ({"state": [{"prefix": {"equals-ignore-case": "RUN"}}]}, True),
        ({"state": [{"suffix": "ing"}]}, True),
        ({"state": [{"suffix": {"equals-ignore-case": "ING"}}]}, True),
        ({"state": [{"equals-ignore-case": "RUNNING"}]}, True),
        ({"count": [{"prefix": "3"}]}, False),
        ({"state": [{"anything-but": "Stopped"}]}, True),
        ({"state": [{"anything-but": ["Stopped", "Running"]}]}, False),
        ({"count": [{"anything-but": 3}]}, False),
        ({"count": [{"anything-but": [4, 5]}]}, True),
        ({"gone": [{"anything-but": "x"}]}, False),
        ({"state": [{"anything-but": {"prefix": "Run"}}]}, False),
        ({"state": [{"anything-but": {"prefix": ["Sto", "Ru"]}}]}, False),
        ({"state": [{"anything-but": {"suffix": "ped"}}]}, True),
        ({"state": [{"anything-but": {"equals-ignore-case": ["RUNNING"]}}]}, False),
        ({"file": [{"anything-but": {"wildcard": "*.png"}}]}, False),
        ({"file": [{"anything-but": {"wildcard": ["*.gif", "*.jpg"]}}]}, True),
        ({"count": [{"numeric": [">", 2]}]}, True),
        ({"count": [{"numeric": [">", 2, "<=", 3]}]}, True),
        ({"count": [{"numeric": ["=", 3]}]}, True),
        ({"count": [{"numeric": ["<", 3]}]}, False),
        ({"price": [{"numeric": [">=", 2.5, "<", 2.6]}]}, True),
        ({"state": [{"numeric": [">", 0]}]}, False),
        ({"yes": [{"numeric": ["=", 1]}]}, False),
        ({"state": [{"exists": True}]}, True),
        ({"state": [{"exists": False}]}, False),
        ({"gone": [{"exists": False}]}, True),
        ({"deep": [{"exists": True}]}, False),  # It is no leaf.
        ({"deep": {"x": {"y": [{"exists": True}]}}}, True),
        ({"deep": {"q": {"y": [{"exists": False}]}}}, True),
        ({"empty": [{"exists": True}]}, False),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"ip": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"state": [{"cidr": "10.0.0.0/24"}]}, False),
        ({"file": [{"wildcard": "a/*.png"}]}, True),
        ({"file": [{"wildcard": "*b*"}]}, True),
        ({"file": [{"wildcard": "a/b.pn"}]}, False),
        ({"items": {"id": ["1"], "kind": ["a"]}}, True),
        ({"items": {"id": ["1"], "kind": ["b"]}}, False),  # of two different objects
        ({"$or": [{"state": ["x"]}, {"count": [3]}]}, True),
        ({"$or": [{"state": ["x"]}, {"count": [4]}]}, False),
        ({"state": ["Running"], "$or": [{"count": [{"exists": False}]}, {"price": [2.5]}]}, True),
    ],
)
def test_what_fits(detail: dict[str, Any], fits: bool) -> None:
    assert compile_pattern(json.dumps({"detail": detail}))(EVENT) is fits


def test_of_an_array_one_element_must_fit() -> None:
    assert compile_pattern('{"resources": ["arn:aws:s3:::b", "other"]}')(EVENT)
    assert not compile_pattern('{"resources": ["other"]}')(EVENT)


def test_wildcards_can_be_escaped() -> None:
    fits = compile_pattern(json.dumps({"a": [{"wildcard": "1\\*2\\\\*"}]}))
    assert fits({"a": "1*2\\x"})
    assert not fits({"a": "1x2\\x"})


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "[]",
        "{}",
        "no",
        '{"a": {}}',
        '{"a": []}',
        '{"a": "b"}',
        '{"a": 1}',
        '{"a": [["b"]]}',
        '{"a": [{"strange": 1}]}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"prefix": "a", "suffix": "b"}]}',
        '{"a": [{"exists": "yes"}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": ["!", 1]}]}',
        '{"a": [{"numeric": [">", "1"]}]}',
        '{"a": [{"numeric": [">", 2, "<", 1]}]}',
        '{"a": [{"numeric": ["<", 1, ">", 2]}]}',
        '{"a": [{"numeric": [">", 6000000000]}]}',
        '{"a": [{"cidr": "10.0.0.0/99"}]}',
        '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"wildcard": "a\\\\b"}]}',
        '{"a": [{"anything-but": []}]}',
        '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}',
        "[" * 5_000,
        '{"a":' * 70 + "1" + "}" * 70,
        json.dumps({"a": ["x" * PATTERN_LENGTH_MAX]}),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
_EVENTS = st.dictionaries(
    st.text(min_size=1, max_size=4).filter(lambda name: name != "$or"),
    st.recursive(
        _LEAVES,
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(st.text(min_size=1, max_size=4), below, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@given(_EVENTS, st.text(min_size=1, max_size=4).filter(lambda name: name != "$or"))
def test_exists_is_true_or_false_of_every_event(event: dict[str, Any], name: str) -> None:
    there = compile_pattern(json.dumps({name: [{"exists": True}]}))
    gone = compile_pattern(json.dumps({name: [{"exists": False}]}))
    assert there(event) or gone(event)


@given(_EVENTS)
def test_an_event_fits_a_pattern_of_its_own_leaves(event: dict[str, Any]) -> None:
    leaves = {name: [value] for name, value in event.items() if not isinstance(value, dict | list)}
    if leaves:
        assert compile_pattern(json.dumps(leaves), length_max=100_000)(event)


@given(st.text(max_size=12), st.lists(st.text(alphabet="ab", max_size=3), min_size=1, max_size=4))
def test_wildcards_are_quick_and_right(text: str, pieces: list[str]) -> None:
    fits = (
        compile_pattern(json.dumps({"a": [{"wildcard": "*".join(pieces)}]}))
        if all(pieces[1:-1])
        else None
    )
    if fits is not None:
        assert fits({"a": text.join(pieces)})
        assert fits({"a": ("ab" * 20_000).join(pieces)})
