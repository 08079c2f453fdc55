"""Templates as they are written: short tags, and what is refused."""

import pytest

from tapwater_server.clouds.aws.cloudformation.template import NODES_MAX, read_template
from tapwater_server.clouds.aws.cloudformation.troubles import Refused

RESOURCES = "Resources: {A: {Type: T}}"


def properties(text: str) -> object:
    found = read_template(f"Resources: {{A: {{Type: T, Properties: {{P: {text}}}}}}}")
    return found["Resources"]["A"]["Properties"]["P"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("!Ref B", {"Ref": "B"}),
        ("!GetAtt B.Outputs.Url", {"Fn::GetAtt": ["B", "Outputs.Url"]}),
        ("!GetAtt [B, Arn]", {"Fn::GetAtt": ["B", "Arn"]}),
        ('!Sub "${B}-x"', {"Fn::Sub": "${B}-x"}),
        ('!Sub ["${C}", {C: !Ref D}]', {"Fn::Sub": ["${C}", {"C": {"Ref": "D"}}]}),
        ("!If [Yes1, 1, !Ref AWS::NoValue]", {"Fn::If": ["Yes1", 1, {"Ref": "AWS::NoValue"}]}),
        ("!Condition C", {"Condition": "C"}),
        ("2012-10-17", "2012-10-17"),
        ("!Base64 x", {"Fn::Base64": "x"}),
    ],
)
def test_short_tags(written: str, read: object) -> None:
    assert properties(written) == read


def test_json() -> None:
    assert read_template('{"Resources": {"A": {"Type": "T"}}}')["Resources"] == {"A": {"Type": "T"}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "unsupported structure"),
        ("[1]", "unsupported structure"),
        ("Resources: {A: {Type: T}}\nColour: blue", "properties [Colour]"),
        ("Resources: {}", "At least one Resources member"),
        ("Resources: {a-b: {Type: T}}", "non alphanumeric"),
        ("Resources: {A: {Properties: {}}}", "must contain a Type"),
        ("Resources: {A: x}", "must be an object"),
        ("Resources: [", "not well-formed"),
        (f"AWSTemplateFormatVersion: 2020-01-01\n{RESOURCES}", "not a supported value"),
        ("Resources: {A: {Type: !!python/object/apply:os.getcwd []}}", "not well-formed"),
        ("Resources: &a {A: {Type: T, Properties: {P: *a}}}", "holds itself"),
        (RESOURCES + "\nMetadata: " + "[" * 2000 + "]" * 2000, ""),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        read_template(text)
    assert why in refused.value.message


def test_anchors_do_not_grow_without_end() -> None:
    lines = ["  a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(Refused, match=str(NODES_MAX)):
        read_template(f"{RESOURCES}\nMetadata:\n" + "\n".join(lines))
