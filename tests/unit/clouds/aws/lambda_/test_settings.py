"""Configurations of functions: what is checked, filled in, merged."""

from collections.abc import Mapping
from typing import Any

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_.settings import check_tags, created, merged
from tapwater_server.clouds.aws.lambda_.shapes import check_types

ROLE = "arn:aws:iam::000000000000:role/lambda"
BODY: Mapping[str, Any] = {
    "FunctionName": "f",
    "Role": ROLE,
    "Runtime": "python3.12",
    "Handler": "app.handler",
    "Code": {"ZipFile": ""},
}


def test_what_is_not_said_is_filled_in() -> None:
    config = created(BODY)
    assert (config["Timeout"], config["MemorySize"]) == (3, 128)
    assert config["EphemeralStorage"] == {"Size": 512}
    assert config["Architectures"] == ["x86_64"]
    assert "Code" not in config
    assert "FunctionName" not in config


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"Timeout": 0}, "ValidationException", "greater than or equal to 1"),
        ({"Timeout": 90_000}, "ValidationException", "less than or equal to"),
        ({"MemorySize": 127}, "ValidationException", "Value '127' at 'memorySize'"),
        ({"MemorySize": 20_000}, "ValidationException", "10240"),
        ({"EphemeralStorage": {"Size": 1}}, "ValidationException", "ephemeralStorage"),
        ({"Role": "nobody"}, "ValidationException", "at 'role'"),
        ({"Role": ""}, "ValidationException", "'role'"),
        ({"Handler": "a b"}, "ValidationException", "at 'handler'"),
        ({"Handler": ""}, "InvalidParameterValueException", "mandatory"),
        ({"Runtime": ""}, "InvalidParameterValueException", "mandatory"),
        ({"Description": "x" * 257}, "ValidationException", "256"),
        ({"Architectures": ["sparc"]}, "ValidationException", "architectures"),
        ({"TracingConfig": {"Mode": "Maybe"}}, "ValidationException", "tracingConfig.mode"),
        ({"PackageType": "Image"}, "InvalidParameterValueException", "container images"),
        ({"FileSystemConfigs": [{}]}, "InvalidParameterValueException", "FileSystemConfigs"),
        ({"DurableConfig": {"x": 1}}, "InvalidParameterValueException", "DurableConfig"),
        ({"Layers": [f"a:{n}" for n in range(6)]}, "InvalidParameterValueException", "5 layers"),
        (
            {"Layers": ["arn:x:1", "arn:x:2"]},
            "InvalidParameterValueException",
            "Two different versions",
        ),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x"}}},
            "InvalidParameterValueException",
            "Reserved keys used in this request: AWS_REGION",
        ),
        (
            {"Environment": {"Variables": {"BIG": "x" * 5000}}},
            "InvalidParameterValueException",
            "4KB limit",
        ),
        ({"Environment": {"Variables": {"1X": "x"}}}, "ValidationException", "Map keys"),
        ({"Environment": {"Variables": {"XX": 1}}}, "ValidationException", "strings"),
    ],
)
def test_what_cannot_be_is_refused(changes: Mapping[str, Any], code: str, said: str) -> None:
    with pytest.raises(AwsError) as caught:
        created({**BODY, **changes})
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert said in caught.value.message


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(AwsError, match="2 validation errors detected"):
        created({**BODY, "Timeout": 0, "MemorySize": 1})


def test_times_beyond_a_quarter_of_an_hour_are_taken() -> None:
    assert created({**BODY, "Timeout": 3600})["Timeout"] == 3600


def test_an_update_leaves_what_it_does_not_name() -> None:
    config = created({**BODY, "Environment": {"Variables": {"AA": "1"}}, "Timeout": 9})
    changed = merged(config, {"MemorySize": 512, "Description": "new"})
    assert (changed["Timeout"], changed["MemorySize"], changed["Description"]) == (9, 512, "new")
    assert changed["Environment"] == {"Variables": {"AA": "1"}}
    assert "Environment" not in merged(config, {"Environment": {"Variables": {}}})
    with pytest.raises(AwsError):
        merged(config, {"Timeout": -1})


@pytest.mark.parametrize(
    "body", [{"Timeout": "3"}, {"Timeout": True}, {"Code": []}, {"Role": 1}, {"Layers": [1]}]
)
def test_wrong_types_are_refused(body: Mapping[str, Any]) -> None:
    with pytest.raises(AwsError, match="SerializationException"):
        check_types(body)


@pytest.mark.parametrize("tags", [{"aws:x": "1"}, {"": "1"}, {"a": 1}, [], {"k" * 129: ""}])
def test_tags_that_are_none_are_refused(tags: object) -> None:
    with pytest.raises(AwsError):
        check_tags(tags)
    assert check_tags({"team": "a"}) == {"team": "a"}
