"""What targets are told: inputs, paths, templates."""

import json
from typing import Any

import pytest

from tapwater_server.clouds.aws.events.transforming import (
    BadInput,
    check_path,
    check_template,
    fill,
    look,
    transformed,
)

EVENT: dict[str, Any] = {
    "source": "aws.ec2",
    "detail": {"instance-id": "i-1", "state": 'say "hi"', "list": [1, {"a": 2}], "none": None},
    "resources": ["r1", "r2"],
}


def test_the_whole_event_goes_unless_something_is_said() -> None:
    assert json.loads(transformed(EVENT, {}, {})) == EVENT
    assert transformed(EVENT, {"Input": '{"x": 1}'}, {}) == '{"x": 1}'
    assert json.loads(transformed(EVENT, {"InputPath": "$.detail.list"}, {})) == [1, {"a": 2}]
    assert transformed(EVENT, {"InputPath": "$.gone"}, {}) == "null"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.source", "aws.ec2"),
        ("$.detail.instance-id", "i-1"),
        ("$.detail['instance-id']", "i-1"),
        ("$.resources[1]", "r2"),
        ("$.detail.list[1].a", 2),
        ("$.resources[*]", ["r1", "r2"]),
        ("$", EVENT),
    ],
)
def test_paths(path: str, found: Any) -> None:
    assert look(EVENT, path) == found


def test_values_are_json_outside_of_texts_and_text_within() -> None:
    paths = {"state": "$.detail.state", "list": "$.detail.list", "none": "$.detail.none"}
    template = '{"a": <state>, "b": "it is <state>", "c": <list>, "d": "<list>", "e": <none>}'
    assert json.loads(fill(template, paths, EVENT, {})) == {
        "a": 'say "hi"',
        "b": 'it is say "hi"',
        "c": [1, {"a": 2}],
        "d": '[1, {"a": 2}]',
        "e": None,
    }


def test_a_template_may_be_plain_text() -> None:
    assert fill('"<id> stopped"', {"id": "$.detail.instance-id"}, EVENT, {}) == '"i-1 stopped"'


def test_the_names_of_the_rule_are_known() -> None:
    facts = {"aws.events.rule-name": "night", "aws.events.event.json": EVENT}
    filled = fill(
        '{"rule": "<aws.events.rule-name>", "e": <aws.events.event.json>}', {}, EVENT, facts
    )
    assert json.loads(filled) == {"rule": "night", "e": EVENT}


def test_what_is_missing_is_empty() -> None:
    paths = {"x": "$.detail.gone"}
    assert json.loads(fill('{"a": <x>, "b": "is <x>"}', paths, EVENT, {})) == {"a": "", "b": "is "}


@pytest.mark.parametrize("path", ["", "source", "$source", "$.", "$.a[", "$.a b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(BadInput):
        check_path(path)


def test_templates_name_what_there_is() -> None:
    check_template("<a> <aws.events.rule-arn>", {"a": "$.detail"})
    with pytest.raises(BadInput):
        check_template("<b>", {"a": "$.detail"})
    with pytest.raises(BadInput):
        check_template("", {"AWS.x": "$.detail"})
    with pytest.raises(BadInput):
        check_template("", {f"n{number}": "$.a" for number in range(101)})
