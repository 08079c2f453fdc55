"""The table of types, and what is written in the names of their services."""

import io
import zipfile

import pytest

from tapwater_server.clouds.aws.cloudformation.desired import Pseudo, desire
from tapwater_server.clouds.aws.cloudformation.kinds import KINDS
from tapwater_server.clouds.aws.cloudformation.kinds.functions import zipped
from tapwater_server.clouds.aws.cloudformation.kinds.s3 import _notifications
from tapwater_server.clouds.aws.cloudformation.loops import unrolled
from tapwater_server.clouds.aws.cloudformation.preparing import place_of
from tapwater_server.clouds.aws.cloudformation.troubles import Refused
from tapwater_server.clouds.aws.cloudformation.wishing import Wishes, imports_of

PSEUDO = Pseudo(account="000000000000", region="us-east-1", stack="one", id="arn:one")


def test_each_type_is_itself() -> None:
    for name, kind in KINDS.items():
        assert name == kind.type
        assert not kind.named or kind.named in kind.takes | {""}
        assert kind.replaced <= kind.takes | kind.ignored
        assert kind.update is not None or not kind.replaced


def test_all_that_is_unknown_is_named_at_once() -> None:
    wishes = Wishes(book=None, kinds=KINDS)  # type: ignore[arg-type]
    types = {"A": {"Type": "AWS::EC2::VPC"}, "B": {"Type": "AWS::RDS::DBInstance"}}
    with pytest.raises(Refused, match=r"\[AWS::EC2::VPC, AWS::RDS::DBInstance\]"):
        wishes.check_kinds(desire({"Resources": types}, {}, PSEUDO))
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"Colour": 1, "Smell": 2}}
    with pytest.raises(Refused, match=r"Q \(AWS::SQS::Queue\): Colour; Q .*: Smell"):
        wishes.check_kinds(desire({"Resources": {"Q": queue}}, {}, PSEUDO))


@pytest.mark.parametrize(
    ("handler", "runtime", "source", "name"),
    [
        ("index.handler", "python3.12", "def handler(e, c): ...", "index.py"),
        ("app.run", "nodejs22.x", "exports.run = 1", "app.js"),
        ("index.run", "nodejs22.x", "export const run = 1", "index.mjs"),
    ],
)
def test_source_in_the_template(handler: str, runtime: str, source: str, name: str) -> None:
    archive = zipfile.ZipFile(io.BytesIO(zipped(source, handler, runtime)))
    assert archive.namelist() == [name]
    assert archive.read(name).decode() == source


def test_notifications_of_a_bucket() -> None:
    rules = [{"Name": "prefix", "Value": "in/"}]
    said = {
        "LambdaConfigurations": [
            {
                "Event": "s3:ObjectCreated:*",
                "Function": "arn:f",
                "Filter": {"S3Key": {"Rules": rules}},
            }
        ],
        "QueueConfigurations": [{"Event": "s3:ObjectRemoved:*", "Queue": "arn:q"}],
        "EventBridgeConfiguration": {"EventBridgeEnabled": True},
    }
    assert _notifications(said) == {
        "LambdaFunctionConfigurations": [
            {
                "LambdaFunctionArn": "arn:f",
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": rules}},
            }
        ],
        "QueueConfigurations": [{"QueueArn": "arn:q", "Events": ["s3:ObjectRemoved:*"]}],
        "EventBridgeConfiguration": {},
    }


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8080/bucket/a/b.yaml", ("bucket", "a/b.yaml", "")),
        ("https://b.c.s3.amazonaws.com/k", ("b.c", "k", "")),
        ("https://b.s3-eu-west-1.amazonaws.com/k?versionId=v1", ("b", "k", "v1")),
        ("s3://bucket/key", ("bucket", "key", "")),
    ],
)
def test_addresses_of_templates(url: str, place: tuple[str, str, str]) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize("url", ["ftp://a/b", "https://s3.amazonaws.com/", "x"])
def test_addresses_that_lead_nowhere(url: str) -> None:
    with pytest.raises(Refused):
        place_of(url)


def test_loops() -> None:
    loop = ["X", {"Ref": "Names"}, {"Q${X}": {"Type": "T", "Properties": {"N": {"Ref": "X"}}}}]
    found = unrolled({"Resources": {"Fn::ForEach::All": loop}}, {"Names": ["a", "b"]})
    assert found["Resources"] == {
        "Qa": {"Type": "T", "Properties": {"N": "a"}},
        "Qb": {"Type": "T", "Properties": {"N": "b"}},
    }
    with pytest.raises(Refused):
        unrolled({"Resources": {"Fn::ForEach::All": ["X"]}}, {})


def test_imports() -> None:
    assert imports_of({"a": [{"Fn::ImportValue": "x"}, {"b": {"Fn::ImportValue": "y"}}]}) == {
        "x",
        "y",
    }
