"""Filter policies of SNS, as tables: what fits, what does not, what is no policy."""

import json
from typing import Any

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.sns.filtering import (
    ATTRIBUTES,
    BODY,
    attributes_seen,
    body_seen,
    check_policy,
    compile_policy,
)

FITS: list[tuple[Any, Any]] = [
    ({}, {}),
    ({"a": ["x"]}, {"a": "x"}),
    ({"a": ["x", "y"]}, {"a": ["z", "y"]}),
    ({"a": ["x"], "b": [1]}, {"a": "x", "b": 1.0, "c": 2}),
    ({"a": [100.123456789]}, {"a": 100.1234567}),
    ({"a": [True]}, {"a": True}),
    ({"a": [None]}, {"a": None}),
    ({"a": [{"prefix": "web-"}]}, {"a": "web-1"}),
    ({"a": [{"suffix": "-1"}]}, {"a": "web-1"}),
    ({"a": [{"equals-ignore-case": "Web"}]}, {"a": "wEB"}),
    ({"a": [{"anything-but": ["x", 1]}]}, {"a": "y"}),
    ({"a": [{"anything-but": "x"}]}, {"a": ["x", "y"]}),
    ({"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "y"}),
    ({"a": [{"numeric": ["=", 1]}]}, {"a": 1}),
    ({"a": [{"numeric": [">", 1, "<=", 5]}]}, {"a": 5}),
    ({"a": [{"exists": True}]}, {"a": ""}),
    ({"a": [{"exists": False}]}, {"b": 1}),
    ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.7"}),
    ({"a": [{"wildcard": "a*z*"}]}, {"a": "abczd"}),
    ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}),
]
FITS_NOT: list[tuple[Any, Any]] = [
    ({"a": ["x"]}, {}),
    ({"a": ["x"]}, {"a": "X"}),
    ({"a": ["1"]}, {"a": 1}),
    ({"a": [1]}, {"a": True}),
    ({"a": [0]}, {"a": None}),
    ({"a": ["x"], "b": [1]}, {"a": "x"}),
    ({"a": [{"prefix": "web-"}]}, {"a": 1}),
    ({"a": [{"anything-but": ["x"]}]}, {}),
    ({"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "xy"}),
    ({"a": [{"numeric": [">", 1, "<", 5]}]}, {"a": 5}),
    ({"a": [{"numeric": ["<", 1]}]}, {"a": "0"}),
    ({"a": [{"numeric": ["<", 1]}]}, {"a": False}),
    ({"a": [{"exists": True}]}, {}),
    ({"a": [{"exists": False}]}, {"a": None}),
    ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.1.7"}),
    ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "x"}),
    ({"a": [{"wildcard": "a.z"}]}, {"a": "abz"}),
    ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "y"}),
]
NESTED: list[tuple[Any, Any, bool]] = [
    ({"a": {"b": ["x"]}}, {"a": {"b": "x"}}, True),
    ({"a": {"b": ["x"]}}, {"a": [{"b": "y"}, {"b": "x"}]}, True),
    ({"a": {"b": [{"exists": False}]}}, {"a": 1}, True),
    ({"a": {"b": ["x"]}}, {"a": "x"}, False),
]
NONE: list[Any] = [
    "{",
    "[]",
    '{"a": "x"}',
    '{"a": []}',
    '{"a": [["x"]]}',
    '{"a": {"b": ["x"]}}',
    '{"a": [{"b": 1}]}',
    '{"a": [{"prefix": 1}]}',
    '{"a": [{"prefix": "x", "suffix": "y"}]}',
    '{"a": [{"exists": "yes"}]}',
    '{"a": [{"numeric": []}]}',
    '{"a": [{"numeric": ["~", 1]}]}',
    '{"a": [{"numeric": ["<", "1"]}]}',
    '{"a": [{"numeric": [">", 5, "<", 1]}]}',
    '{"a": [{"numeric": ["<", 1, ">", 5]}]}',
    '{"a": [{"anything-but": []}]}',
    '{"a": [{"cidr": "x"}]}',
    '{"a": [{"wildcard": "****"}]}',
    json.dumps({"a": list(range(151))}),
    json.dumps({str(key): ["x"] for key in range(6)}),
    '{"a":' * 5000,
]


@pytest.mark.parametrize(("policy", "seen"), FITS)
def test_what_fits(policy: Any, seen: Any) -> None:
    assert compile_policy(json.dumps(policy))(seen)


@pytest.mark.parametrize(("policy", "seen"), FITS_NOT)
def test_what_does_not(policy: Any, seen: Any) -> None:
    assert not compile_policy(json.dumps(policy))(seen)


@pytest.mark.parametrize(("policy", "seen", "fits"), NESTED)
def test_bodies_may_be_nested(policy: Any, seen: Any, fits: bool) -> None:
    assert compile_policy(json.dumps(policy), scope=BODY)(seen) is fits


@pytest.mark.parametrize("policy", NONE)
def test_what_is_no_policy(policy: str) -> None:
    with pytest.raises(AwsError) as refused:
        check_policy(policy, ATTRIBUTES)
    assert refused.value.code == "InvalidParameter"


def test_a_scope_that_is_none() -> None:
    with pytest.raises(AwsError, match="FilterPolicyScope"):
        check_policy("{}", "Everything")


def test_attributes_as_policies_see_them() -> None:
    said = {
        "text": {"DataType": "String", "StringValue": "1"},
        "number": {"DataType": "Number", "StringValue": "1.5"},
        "array": {"DataType": "String.Array", "StringValue": '["a", 1, null]'},
        "bytes": {"DataType": "Binary", "BinaryValue": "AA=="},
    }
    assert attributes_seen(said) == {"text": "1", "number": 1.5, "array": ["a", 1, None]}


@pytest.mark.parametrize(
    ("message", "seen"), [('{"a": 1}', {"a": 1}), ("[1]", None), ("text", None), ("{" * 9999, None)]
)
def test_bodies_as_policies_see_them(message: str, seen: Any) -> None:
    assert body_seen(message) == seen
