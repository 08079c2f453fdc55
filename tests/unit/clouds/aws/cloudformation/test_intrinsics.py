"""Expressions become values."""

from typing import Any

import pytest

from tapwater_server.clouds.aws.cloudformation.intrinsics import (
    NO_VALUE,
    UNKNOWN,
    Scope,
    decide,
    prune,
    references,
    resolve,
)
from tapwater_server.clouds.aws.cloudformation.troubles import Refused

VALUES = {"P": "pee", "L": ["a", "b"], "N": 3, "AWS::NoValue": NO_VALUE, "Later": UNKNOWN}
SCOPE = Scope(
    ref=VALUES.__getitem__,
    attribute=lambda name, which: UNKNOWN if name == "Later" else f"{name}:{which}",
    imported=lambda name: f"<{name}>",
    mappings={"M": {"eu": {"k": "v"}}},
    conditions={"Yes1": True, "No1": False},
    region="eu-west-1",
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "P"}, "pee"),
        ({"Fn::GetAtt": ["A", "Arn"]}, "A:Arn"),
        ({"Fn::GetAtt": "A.Outputs.x"}, "A:Outputs.x"),
        ({"Fn::Sub": "${P}/${A.Arn}/${!P}/${N}"}, "pee/A:Arn/${P}/3"),
        ({"Fn::Sub": ["${x}${P}", {"x": {"Ref": "N"}}]}, "3pee"),
        ({"Fn::Join": [",", {"Ref": "L"}]}, "a,b"),
        ({"Fn::Join": ["", ["a", True, 1, 2.0]]}, "atrue12"),
        ({"Fn::Select": ["1", {"Ref": "L"}]}, "b"),
        ({"Fn::Split": ["-", "a-b"]}, ["a", "b"]),
        ({"Fn::If": ["No1", "x", {"Ref": "P"}]}, "pee"),
        ({"Fn::FindInMap": ["M", "eu", "k"]}, "v"),
        ({"Fn::FindInMap": ["M", "us", "k", {"DefaultValue": "d"}]}, "d"),
        ({"Fn::ImportValue": {"Fn::Sub": "${P}-x"}}, "<pee-x>"),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::Cidr": ["10.0.0.0/24", 2, 6]}, ["10.0.0.0/26", "10.0.0.64/26"]),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        ({"Fn::Length": [1, 2]}, 2),
        ({"Fn::ToJsonString": {"a": {"Ref": "P"}}}, '{"a":"pee"}'),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ({"Condition": {"StringEquals": {"a": "b"}}}, {"Condition": {"StringEquals": {"a": "b"}}}),
        ({"Fn::Join": ["", ["a", {"Ref": "Later"}]]}, UNKNOWN),
        ({"Fn::Sub": "${Later.Arn}"}, UNKNOWN),
        ({"Fn::Split": [",", {"Ref": "Later"}]}, UNKNOWN),
        ({"Fn::ToJsonString": [{"Ref": "Later"}]}, UNKNOWN),
    ],
)
def test_resolve(expression: Any, value: object) -> None:
    assert resolve(expression, SCOPE) == value


@pytest.mark.parametrize(
    "expression",
    [
        {"Fn::Nothing": 1},
        {"Fn::Join": ["", [{"a": 1}]]},
        {"Fn::Select": [5, ["a"]]},
        {"Fn::Split": ["", "a"]},
        {"Fn::GetAtt": "A"},
        {"Fn::FindInMap": ["M", "us", "k"]},
        {"Fn::If": ["Unknown", 1, 2]},
        {"Fn::Cidr": ["10.0.0.0/24", 2, 99]},
        {"Fn::Cidr": ["10.0.0.0/8", 100000, 6]},
        {"Fn::Sub": [1, 2, 3]},
        {"Fn::Length": "text"},
    ],
)
def test_misused(expression: Any) -> None:
    with pytest.raises(Refused):
        resolve(expression, SCOPE)


def test_conditions() -> None:
    def named(name: str) -> bool:
        return name == "Yes1"

    equal = {"Fn::Equals": [{"Ref": "N"}, "3"]}
    assert decide(equal, SCOPE, named)
    assert not decide({"Fn::Not": [equal]}, SCOPE, named)
    assert decide({"Fn::And": [equal, {"Condition": "Yes1"}]}, SCOPE, named)
    assert decide({"Fn::Or": [{"Condition": "No1"}, equal]}, SCOPE, named)
    with pytest.raises(Refused):
        decide({"Fn::Sub": "x"}, SCOPE, named)


def test_what_is_referred_to() -> None:
    value = {
        "a": [{"Ref": "A"}, {"Fn::GetAtt": ["B", "Arn"]}],
        "b": {"Fn::Sub": ["${C.Arn} ${own} ${!D}", {"own": {"Ref": "E"}}]},
        "c": {"Fn::If": ["No1", {"Ref": "F"}, {"Ref": "G"}]},
    }
    assert set(references(prune(value, SCOPE.conditions))) == {"A", "B", "C", "E", "G"}
