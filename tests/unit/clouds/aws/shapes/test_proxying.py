"""Requests as API Gateway's events, read back with the classes that functions read them with."""

import json
from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import (
    ALBEvent,
    APIGatewayProxyEvent,
    APIGatewayProxyEventV2,
    LambdaFunctionUrlEvent,
)

from tapwater_server.clouds.aws.shapes.proxying import (
    HttpAsked,
    Placed,
    balancer_event,
    http_event,
    http_event_1,
    is_text,
    rest_event,
    takes_binary,
    url_event,
)

NOW = 1_583_348_638.39
ASKED = HttpAsked(
    method="POST",
    path="/items/a%20b",
    query="tag=x&tag=y%20z&empty=",
    headers=(
        ("host", "abc.execute-api.eu-west-1.localhost:8080"),
        ("content-type", "application/json"),
        ("accept", "text/html"),
        ("accept", "image/png"),
        ("cookie", "a=1; b=2"),
        ("user-agent", "curl/8"),
    ),
    body=b'{"n": 1}',
    client="10.0.0.9",
)
PLACED = Placed(
    account="123456789012",
    api="abc",
    domain="abc.execute-api.eu-west-1.localhost",
    route="POST /items/{id}",
    id="a-request",
    now=NOW,
    parameters={"id": "a%20b"},
    variables={"color": "blue"},
    trace="Root=1-5e5fe89e-0",
)


def test_http_api_2() -> None:
    event = http_event(ASKED, PLACED)
    seen = APIGatewayProxyEventV2(event)
    assert seen.version == "2.0"
    assert seen.route_key == seen.request_context.route_key == "POST /items/{id}"
    assert seen.raw_path == seen.path == seen.request_context.http.path == "/items/a b"
    assert seen.raw_query_string == "tag=x&tag=y%20z&empty="
    assert seen.query_string_parameters == {"tag": "x,y z", "empty": ""}
    assert seen.path_parameters == {"id": "a b"}
    assert seen.stage_variables == {"color": "blue"}
    assert seen.cookies == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["accept"] == "text/html,image/png"
    assert event["headers"]["x-forwarded-port"] == "8080"
    assert event["headers"]["x-forwarded-for"] == "10.0.0.9"
    assert seen.json_body == {"n": 1}
    assert seen.request_context.time == "04/Mar/2020:19:03:58 +0000"
    assert seen.request_context.time_epoch == 1_583_348_638_390
    assert seen.request_context.domain_prefix == "abc"
    assert seen.request_context.http.source_ip == "10.0.0.9"
    assert seen.request_context.http.user_agent == "curl/8"
    assert json.loads(json.dumps(event)) == event


def test_a_named_stage_begins_the_path() -> None:
    event = http_event(ASKED, replace(PLACED, stage="dev"))
    assert event["rawPath"] == "/dev/items/a b"
    assert APIGatewayProxyEventV2(event).path == "/items/a b"


def test_what_is_not_there_is_not_named() -> None:
    event = http_event(HttpAsked(method="GET", path="/"), replace(PLACED, parameters={}))
    absent = {"cookies", "queryStringParameters", "pathParameters", "body"}
    assert not absent & event.keys()
    assert event["isBase64Encoded"] is False
    assert event["rawQueryString"] == ""


def test_function_url() -> None:
    caller = {"iam": {"accessKey": "AKIA1", "accountId": "123456789012"}}
    event = url_event(ASKED, replace(PLACED, parameters={}, variables={}, authorizer=caller))
    seen = LambdaFunctionUrlEvent(event)
    assert seen.raw_path == "/items/a%20b"
    assert seen.route_key == seen.request_context.stage == "$default"
    assert seen.request_context.authorizer.iam.access_key == "AKIA1"


def test_rest_api() -> None:
    placed = replace(PLACED, route="/items/{id}", stage="dev", prefix="/dev", resource="r1")
    event = rest_event(ASKED, placed)
    seen = APIGatewayProxyEvent(event)
    assert seen.resource == seen.request_context.resource_path == "/items/{id}"
    assert seen.path == "/items/a b"
    assert seen.request_context.path == "/dev/items/a b"
    assert seen.http_method == "POST"
    assert event["headers"]["Content-Type"] == "application/json"
    assert event["headers"]["Accept"] == "image/png"
    assert event["multiValueHeaders"]["Accept"] == ["text/html", "image/png"]
    assert seen.query_string_parameters == {"tag": "y z", "empty": ""}
    assert seen.multi_value_query_string_parameters == {"tag": ["x", "y z"], "empty": [""]}
    assert seen.resolved_query_string_parameters == {"tag": ["x", "y z"], "empty": [""]}
    assert seen.json_body == {"n": 1}
    assert seen.request_context.identity.source_ip == "10.0.0.9"
    assert seen.request_context.identity.user_arn is None
    assert seen.request_context.request_time_epoch == 1_583_348_638_390
    assert seen.request_context.resource_id == "r1"


def test_an_empty_rest_request_has_nulls() -> None:
    placed = replace(PLACED, parameters={}, variables={})
    event = rest_event(HttpAsked(method="GET", path="/"), placed)
    nulls = ["queryStringParameters", "multiValueQueryStringParameters", "pathParameters"]
    assert all(event[name] is None for name in [*nulls, "stageVariables", "body"])


def test_http_api_1() -> None:
    event = http_event_1(ASKED, replace(PLACED, stage="dev"))
    assert event["version"] == "1.0"
    assert event["resource"] == "/items/{id}"
    assert event["path"] == event["requestContext"]["path"] == "/dev/items/a b"
    assert http_event_1(ASKED, replace(PLACED, route="$default"))["resource"] == "$default"


@pytest.mark.parametrize(
    ("make", "media", "body", "carried"),
    [
        (http_event, "text/plain", b"a", ("a", False)),
        (http_event, "application/x-www-form-urlencoded", b"a", ("YQ==", True)),
        (http_event, "text/plain", b"\xff", ("/w==", True)),
        (http_event, "", b"a", ("a", False)),
        (http_event_1, "image/png", b"a", ("YQ==", True)),
        (rest_event, "application/octet-stream", b"\xff", ("�", False)),
        (rest_event, "image/png", b"a", ("YQ==", True)),
        (rest_event, "application/x-www-form-urlencoded", b"a", ("a", False)),
    ],
)
def test_bodies(make: Any, media: str, body: bytes, carried: tuple[str, bool]) -> None:
    asked = HttpAsked(method="POST", path="/", headers=[("content-type", media)], body=body)
    event = make(asked, replace(PLACED, binary=["image/*"]))
    assert (event["body"], event["isBase64Encoded"]) == carried


def test_media_types() -> None:
    assert is_text("application/problem+json; charset=utf-8", b"{}")
    assert not is_text("application/jsonlines", b"{}")
    assert takes_binary("whatever", ["*/*"])
    assert takes_binary("IMAGE/PNG, text/html", ["image/png"])
    assert not takes_binary("imagex/png", ["image/*"])
    assert not takes_binary("image/png", [])


def test_load_balancer() -> None:
    one = balancer_event(ASKED, target="arn:tg")
    assert ALBEvent(one).request_context.elb_target_group_arn == "arn:tg"
    assert one["queryStringParameters"] == {"tag": "y%20z", "empty": ""}
    many = balancer_event(ASKED, target="arn:tg", many=True)
    assert many["multiValueHeaders"]["accept"] == ["text/html", "image/png"]
    assert many["multiValueQueryStringParameters"]["tag"] == ["x", "y%20z"]
