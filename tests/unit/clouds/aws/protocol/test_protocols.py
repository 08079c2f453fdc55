"""What botocore writes is read, and what is written botocore reads: query, JSON, REST-JSON."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.front.reading import read_query
from tapwater_server.clouds.aws.protocol.models import load_model
from tapwater_server.clouds.aws.protocol.reading import find_operation, read_params
from tapwater_server.clouds.aws.protocol.service import Handler, ModelService
from tapwater_server.clouds.aws.protocol.writing import write_result
from tapwater_server.model.ids import AppId
from tapwater_server.web.asked import in_one

MODELS = {name: load_model(name) for name in ("iam", "logs", "scheduler", "sns")}
BOTO = {name: ServiceModel(Loader().load_service_model(name, "service-2"), name) for name in MODELS}
CALLER = Caller(account=Account(id="000000000000", home=AppId("aws")), access_key="AKIA")


def asked_of(service: str, operation: str, params: Mapping[str, Any]) -> AwsAsked:
    """Give a request as botocore writes it."""
    model = BOTO[service]
    serializer = create_serializer(model.metadata["protocol"], include_validation=False)
    made = serializer.serialize_to_request(dict(params), model.operation_model(operation))
    body = made["body"]
    if isinstance(body, dict):
        from urllib.parse import urlencode

        body = urlencode(body)
    whole = body.encode() if isinstance(body, str) else bytes(body)
    path, _, query = made["url_path"].partition("?")
    given = made.get("query_string") or {}
    pairs = [(k, str(v)) for k, vs in given.items() for v in (vs if isinstance(vs, list) else [vs])]
    return AwsAsked(
        caller=CALLER,
        service=service,
        id="id",
        method=made["method"],
        path=path,
        query=[*read_query(query), *pairs] if query else pairs,
        headers={str(k).lower(): str(v) for k, v in made["headers"].items()},
        body=lambda: in_one(whole),
        whole=whole,
    )


def read(service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    asked = asked_of(service, operation, params)
    model, body = MODELS[service], asked.whole or b""
    found, labels = find_operation(model, asked, body)
    assert found.name == operation
    return read_params(model, found, asked, body, labels)


def written(service: str, operation: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What botocore makes of an answer."""
    found = MODELS[service].operation(operation)
    assert found is not None
    answer = write_result(MODELS[service], found, given, id="id-1")
    return parsed(service, operation, answer)


def parsed(service: str, operation: str, answer: AwsAnswer) -> Mapping[str, Any]:
    model = BOTO[service].operation_model(operation)
    parser = create_parser(BOTO[service].metadata["protocol"])
    response = {
        "headers": {name.lower(): value for name, value in answer.headers},
        "status_code": answer.status,
        "body": answer.body,
    }
    said: dict[str, Any] = parser.parse(response, model.output_shape)
    said.pop("ResponseMetadata", None)
    return said


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=20)


@settings(max_examples=30)
@given(TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=3))
def test_query_in(name: str, tags: list[tuple[str, str]]) -> None:
    params = {
        "RoleName": "r",
        "AssumeRolePolicyDocument": name,
        "MaxSessionDuration": 3600,
        "Tags": [{"Key": key, "Value": value} for key, value in tags],
    }
    assert read("iam", "CreateRole", params) == params


def test_query_maps_and_flags() -> None:
    attributes = {"DisplayName": "x", "FifoTopic": "true"}
    params = {"Name": "t.fifo", "Attributes": attributes}
    assert read("sns", "CreateTopic", params) == params
    flags = {"Scope": "Local", "OnlyAttached": True, "MaxItems": 5}
    assert read("iam", "ListPolicies", flags) == flags


@settings(max_examples=30)
@given(TEXT)
def test_query_out(text: str) -> None:
    from datetime import UTC, datetime

    at = datetime(2026, 9, 1, 12, tzinfo=UTC)
    role = {
        "Path": "/",
        "RoleName": "".join(letter for letter in text if letter.isprintable()),
        "RoleId": "AROA",
        "Arn": "arn",
        "CreateDate": at,
        "Tags": [{"Key": "a", "Value": "<&>"}],
    }
    assert written("iam", "ListRoles", {"Roles": [role], "IsTruncated": False}) == {
        "Roles": [role],
        "IsTruncated": False,
    }


def test_json_both_ways() -> None:
    params = {"logGroupName": "g", "tags": {"a": "b"}}
    assert read("logs", "CreateLogGroup", params) == params
    events = {"events": [{"timestamp": 5, "message": "é"}], "nextForwardToken": "f/1"}
    assert written("logs", "GetLogEvents", events) == events


def test_rest_json_both_ways() -> None:
    from datetime import UTC, datetime

    params = {
        "Name": "nightly/run",
        "GroupName": "a b",
        "ScheduleExpression": "rate(1 minute)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:sqs:::q", "RoleArn": "arn:aws:iam::000000000000:role/r"},
        "StartDate": datetime(2026, 9, 1, tzinfo=UTC),
    }
    assert read("scheduler", "CreateSchedule", params) == {**params, "StartDate": 1788220800.0}
    assert read("scheduler", "ListSchedules", {"MaxResults": 3}) == {"MaxResults": 3}
    out = {"ScheduleArn": "arn"}
    assert written("scheduler", "CreateSchedule", out) == out


@pytest.mark.parametrize(
    ("service", "operation", "params", "complaint"),
    [
        ("iam", "GetRole", {}, "Value null at 'roleName'"),
        ("iam", "GetRole", {"RoleName": "x" * 65}, "less than or equal to 64"),
        ("scheduler", "CreateSchedule", {"Name": "n"}, "validation errors detected"),
        ("logs", "PutRetentionPolicy", {"logGroupName": "g"}, "retentionInDays"),
    ],
)
def test_what_is_missing_or_too_much_is_named(
    service: str, operation: str, params: Mapping[str, Any], complaint: str
) -> None:
    with pytest.raises(AwsError, match=complaint) as wrong:
        read(service, operation, params)
    assert wrong.value.code == ("ValidationError" if service == "iam" else "ValidationException")


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"\xff", b'{"logGroupName": ' + b"[" * 100_000, b'{"logGroupName": 5e400}'],
)
def test_hostile_json(body: bytes) -> None:
    model = MODELS["logs"]
    asked = asked_of("logs", "CreateLogGroup", {"logGroupName": "g"})
    operation, labels = find_operation(model, asked, body)
    with pytest.raises(AwsError):
        read_params(model, operation, asked, body, labels)


@pytest.mark.parametrize(
    "body",
    [
        b"Action=GetRole&Version=2010-05-08&" + b"&".join(b"a%d=1" % n for n in range(100_000)),
        b"Action=GetRole&" + b"Tags.member." * 10_000 + b"=1",
        b"Action=GetRole&RoleName=%ff",
        b"Action=Nothing&Version=2010-05-08",
        b"",
    ],
)
def test_hostile_forms(body: bytes) -> None:
    model = MODELS["iam"]
    asked = asked_of("iam", "GetRole", {"RoleName": "r"})

    def read_whole() -> None:
        operation, labels = find_operation(model, asked, body)
        read_params(model, operation, asked, body, labels)

    with pytest.raises(AwsError):
        read_whole()


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_body_is_an_error_or_parameters(body: bytes) -> None:
    for service, operation in (("iam", "CreateRole"), ("logs", "PutLogEvents")):
        model = MODELS[service]
        found = model.operation(operation)
        assert found is not None
        try:
            read_params(model, found, asked_of(service, operation, {}), body)
        except AwsError:
            continue


async def test_errors_have_the_models_status() -> None:
    async def missing(asked: AwsAsked, params: Mapping[str, Any]) -> None:
        raise AwsError("NoSuchEntity", "not there")

    handlers: dict[str, Handler] = {"GetRole": missing}
    service = ModelService("iam", handlers, protocol="query")
    asked = asked_of("iam", "GetRole", {"RoleName": "r"})
    with pytest.raises(AwsError) as wrong:
        await service.answer(asked)
    answer = service.refused(wrong.value, asked, id="id-1")
    assert answer.status == 404
    assert parsed("iam", "GetRole", answer)["Error"]["Code"] == "NoSuchEntity"
    with pytest.raises(AwsError, match="iam:ListUsers is not available here") as wrong:
        await service.answer(asked_of("iam", "ListUsers", {}))
    assert wrong.value.status == 501
