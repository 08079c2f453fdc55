"""The order of all JSON values, as bytes."""

import json
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.document.value import (
    DEPTH_MAX,
    KEY_BYTES_MAX,
    MISSING,
    check,
    identity,
    order_key,
    text_key,
)
from tapwater_server.model.errors import Invalid

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**53, 2**53 + 1, 2.0**53, 2.0**63, -0.0, 0, 5e-324]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)
KINDS = (type(None), bool, (int, float), str, list, dict)


def kind(value: Any) -> int:
    return next(at for at, each in enumerate(KINDS) if isinstance(value, each))  # type: ignore[arg-type]


def compare(a: Any, b: Any) -> int:
    """Compare by the words of the guide, and nothing of the code."""
    if kind(a) != kind(b):
        return kind(a) - kind(b)
    if isinstance(a, dict):
        first = [each for name in sorted(a) for each in (name, a[name])]
        return compare(first, [each for name in sorted(b) for each in (name, b[name])])
    if isinstance(a, list):
        found = (compare(x, y) for x, y in zip(a, b, strict=False))
        return next((each for each in found if each), len(a) - len(b))
    if a is None:
        return 0
    return int(a > b) - int(a < b)


@given(VALUES, VALUES)
def test_keys_compare_as_the_values_do(a: Any, b: Any) -> None:
    x, y = order_key(a), order_key(b)
    assert (x > y) - (x < y) == max(-1, min(1, compare(a, b)))


@given(VALUES, VALUES)
def test_no_key_is_the_beginning_of_another(a: Any, b: Any) -> None:
    x, y = order_key(a), order_key(b)
    assert x == y or not x.startswith(y)


@given(VALUES, VALUES)
def test_equal_is_what_compares_equal(a: Any, b: Any) -> None:
    assert (identity(a) == identity(b)) == (compare(a, b) == 0)


@given(st.lists(VALUES, max_size=8))
def test_sorting_by_keys_is_sorting_by_values(values: list[Any]) -> None:
    by_key = sorted(values, key=order_key)
    by_value = sorted(values, key=cmp_to_key(compare))
    assert json.dumps(list(map(order_key, by_key)), default=str) == json.dumps(
        list(map(order_key, by_value)), default=str
    )


def test_a_key_has_a_ceiling_and_missing_comes_first() -> None:
    assert len(order_key("x" * 10_000)) == KEY_BYTES_MAX
    assert len(order_key([[["x" * 10_000] * 10]] * 10)) == KEY_BYTES_MAX
    assert order_key(MISSING) < order_key(None)
    assert text_key("a\x00b") < text_key("a\x01")


@pytest.mark.parametrize(
    "wrong",
    [
        2**63,
        -(2**63) - 1,
        float("nan"),
        float("inf"),
        {"$a": 1},
        {"": 1},
        [{"a": [{"$b": 1}]}],
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_place(wrong: Any) -> None:
    with pytest.raises(Invalid) as refused:
        check({"deep": [wrong]})
    assert refused.value.problems[0]["where"].startswith("data.deep[0]")


def test_depth_has_a_ceiling() -> None:
    deep: Any = 1
    for _ in range(DEPTH_MAX - 1):
        deep = [deep]
    check(deep)
    with pytest.raises(Invalid, match="nested deeper"):
        check([[deep]])
