"""What is wanted and what is there make steps."""

from typing import Any

import pytest

from tapwater_server.clouds.aws.cloudformation.desired import Desired, Pseudo, desire
from tapwater_server.clouds.aws.cloudformation.parameters import Given, choose
from tapwater_server.clouds.aws.cloudformation.planning import (
    Deed,
    Had,
    attribute_of,
    backwards,
    plan,
)
from tapwater_server.clouds.aws.cloudformation.troubles import Refused

PSEUDO = Pseudo(account="000000000000", region="us-east-1", stack="one", id="arn:one")


def want(resources: dict[str, Any], **more: Any) -> Desired:
    return desire({"Resources": resources, **more}, {}, PSEUDO)


def planned(desired: Desired, actual: dict[str, Had]) -> list[tuple[str, Deed]]:
    steps = plan(
        desired,
        actual,
        replaced=lambda type: None if type == "Fixed" else frozenset({"Name"}),
        imported=str,
        region="us-east-1",
    )
    return [(step.name, step.deed) for step in steps]


def had(name: str, type: str = "T", **more: Any) -> Had:
    return Had(name=name, type=type, id=f"id-{name}", **more)


def test_order_follows_references() -> None:
    desired = want(
        {
            "A": {"Type": "T", "Properties": {"x": {"Fn::Sub": "${B.Arn}"}}},
            "B": {"Type": "T", "DependsOn": "C"},
            "C": {"Type": "T"},
            "D": {"Type": "T"},
        }
    )
    assert list(desired.resources) == ["C", "B", "A", "D"]
    assert desired.resources["A"].needs == {"B"}


@pytest.mark.parametrize(
    "resources",
    [
        {"A": {"Type": "T", "DependsOn": "B"}, "B": {"Type": "T", "DependsOn": ["A"]}},
        {"A": {"Type": "T", "Properties": {"x": {"Ref": "A"}}}},
        {"A": {"Type": "T", "Properties": {"x": {"Ref": "Nothing"}}}},
        {"A": {"Type": "T", "Condition": "Nothing"}},
        {"A": {"Type": "T", "DeletionPolicy": "Perhaps"}},
    ],
)
def test_what_cannot_be(resources: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        want(resources)


def test_conditions_leave_things_out() -> None:
    desired = want(
        {
            "A": {"Type": "T", "Condition": "No1"},
            "B": {
                "Type": "T",
                "DependsOn": "A",
                "Properties": {"x": {"Fn::If": ["No1", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]}},
            },
        },
        Conditions={"No1": {"Fn::Equals": [{"Ref": "AWS::Region"}, "mars"]}},
        Outputs={"O": {"Value": {"Ref": "A"}, "Condition": "No1"}},
    )
    assert list(desired.resources) == ["B"]
    assert not desired.outputs


def test_steps() -> None:
    desired = want(
        {
            "Same": {"Type": "T", "Properties": {"x": 1}},
            "Changed": {"Type": "T", "Properties": {"x": 2}},
            "Renamed": {"Type": "T", "Properties": {"Name": "new"}},
            "Follows": {"Type": "T", "Properties": {"of": {"Ref": "Renamed"}}},
            "Fresh": {"Type": "T"},
            "Frozen": {"Type": "Fixed", "Properties": {"x": 2}},
        }
    )
    actual = {
        "Same": had("Same", properties={"x": 1}),
        "Changed": had("Changed", properties={"x": 1}),
        "Renamed": had("Renamed", properties={"Name": "old"}),
        "Follows": had("Follows", properties={"of": "id-Renamed"}),
        "Frozen": had("Frozen", "Fixed", properties={"x": 1}),
        "Gone": had("Gone"),
    }
    assert planned(desired, actual) == [
        ("Same", Deed.KEEP),
        ("Changed", Deed.CHANGE),
        ("Renamed", Deed.REPLACE),
        ("Follows", Deed.CHANGE),
        ("Fresh", Deed.ADD),
        ("Frozen", Deed.REPLACE),
        ("Gone", Deed.REMOVE),
    ]
    with pytest.raises(Refused, match="type is not permitted"):
        planned(want({"A": {"Type": "T"}}), {"A": had("A", "Other")})


def test_what_others_need_goes_last() -> None:
    actual = {
        "A": had("A", needs=frozenset({"B"})),
        "B": had("B", needs=frozenset({"C"})),
        "C": had("C"),
    }
    order = backwards(actual)
    assert order.index("A") < order.index("B") < order.index("C")


def test_attributes() -> None:
    one = had("A", attributes={"Arn": "arn", "Outputs.Url": "u", "Data": {"x": 1}})
    assert attribute_of(one, "Outputs.Url") == "u"
    assert attribute_of(one, "Data.x") == 1
    with pytest.raises(Refused, match="does not support attribute type Nope"):
        attribute_of(one, "Nope")


def test_parameters() -> None:
    declared: dict[str, Any] = {
        "A": {"Type": "String", "Default": "d", "AllowedValues": ["d", "e"]},
        "B": {"Type": "Number", "MinValue": 2},
        "C": {"Type": "CommaDelimitedList", "Default": "a,b"},
    }
    given = [Given(key="B", value="3")]
    assert choose(declared, given, {}) == {"A": "d", "B": "3", "C": "a,b"}
    kept = [Given(key="B", previous=True), Given(key="A", value="e")]
    assert choose(declared, kept, {"B": "9"})["B"] == "9"
    for wrong, why in (
        ([], "must have values"),
        ([Given(key="B", value="1")], "MinValue"),
        ([Given(key="B", value="x")], "must be a number"),
        ([Given(key="B", value="3"), Given(key="A", value="f")], "AllowedValues"),
        ([Given(key="B", value="3"), Given(key="X", value="f")], "do not exist"),
    ):
        with pytest.raises(Refused, match=why):
            choose(declared, wrong, {})
