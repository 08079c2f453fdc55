"""Events and results, compared with what Lambda's own runtime for Python makes of them."""

import collections
import decimal
import enum
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from awslambdaric.lambda_runtime_exception import FaultException
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from hypothesis import given
from hypothesis import strategies as st

from tapwater.clouds.aws.faults import Fault
from tapwater.clouds.aws.marshalling import Marshaller, read_event


class Point(NamedTuple):
    x: int
    y: Any


class Color(enum.IntEnum):
    RED = 1


class Name(str):
    pass


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(max_size=8),
    st.decimals(),
    st.sampled_from([Color.RED, Name("ü")]),
)
values = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.builds(Point, st.integers(), inner),
        st.dictionaries(st.text(max_size=4), inner, max_size=4),
        st.dictionaries(st.integers(), inner, max_size=2),
    ),
    max_leaves=8,
)


def theirs(value: Any) -> bytes | str:
    """What awslambdaric makes of it, or what it complains of."""
    try:
        made = LambdaMarshaller().marshal_response(value)[0]
    except FaultException as fault:
        return str(fault.msg)
    return made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")


def ours(value: Any, runtime: str) -> bytes | str:
    try:
        return Marshaller(runtime).write(value)
    except Fault as fault:
        return fault.message


@given(values)
def test_results_are_written_as_lambda_does(value: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.12")
        expected = theirs(value)
    if isinstance(expected, str):
        assert isinstance(ours(value, "python3.12"), str)
    else:
        assert ours(value, "python3.12") == expected


@given(values)
def test_older_runtimes_escape(value: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.11")
        expected = theirs(value)
    if isinstance(expected, bytes):
        assert ours(value, "python3.11") == expected


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        {"a": [decimal.Context()]},
        1j,
        {(1, 2): 3},
        b"\xff",
        {"a": b"\xff"},
        range(3),
    ],
)
def test_what_has_no_form(value: Any) -> None:
    expected = theirs(value)
    made = ours(value, "python3.11")
    assert type(made) is type(expected)
    if isinstance(expected, str) and "utf" not in expected:
        assert made == expected or isinstance(value, dict)


def test_a_value_that_holds_itself() -> None:
    value: list[Any] = []
    value.append(value)
    assert "Unable to marshal response" in str(ours(value, "python3.12"))
    named = Point(1, value)
    assert "Unable to marshal response" in str(ours(named, "python3.12"))


def test_a_text_that_looks_like_a_mark_stays_a_text() -> None:
    value = {"a": Decimal("1.50"), "b": '"0123456789abcdef0123456789abcdef1.5"'}
    assert ours(value, "python3.12") == theirs(value)


def test_an_ordered_mapping() -> None:
    assert ours(collections.OrderedDict(b=1, a=2), "python3.12") == b'{"b": 1, "a": 2}'


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b"[" * 100_000])
def test_an_event_that_is_none(body: bytes) -> None:
    with pytest.raises(Fault, match="Unable to unmarshal input: ") as caught:
        read_event(body)
    assert caught.value.kind == "Runtime.UnmarshalError"


@pytest.mark.parametrize(
    "body", [b"1", b'{"a": [1.5, null, "\\u00fc"]}', '"ü"'.encode(), b"\xef\xbb\xbf1"]
)
def test_an_event_is_read_as_lambda_does(body: bytes) -> None:
    assert repr(read_event(body)) == repr(LambdaMarshaller().unmarshal_request(body))
