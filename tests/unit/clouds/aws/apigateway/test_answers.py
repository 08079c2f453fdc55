"""What the gateway says itself: mocks, refusals, CORS, policies."""

from typing import Any

import pytest

from tapwater_server.clouds.aws.apigateway.crossing import answered, preflight
from tapwater_server.clouds.aws.apigateway.gateway_responses import refusal
from tapwater_server.clouds.aws.apigateway.mocking import mocked
from tapwater_server.clouds.aws.apigateway.patching import patch
from tapwater_server.clouds.aws.apigateway.verdicts import Allowing, judge
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.shapes.proxied import Malformed

ORIGIN = "https://shop.example"


def test_mock_for_cors() -> None:
    integration = {
        "requestTemplates": {"application/json": "{statusCode: 200}"},
        "integrationResponses": {
            "200": {
                "statusCode": "200",
                "responseParameters": {
                    "method.response.header.Access-Control-Allow-Origin": "'*'",
                    "method.response.header.Dynamic": "integration.response.header.x",
                },
                "responseTemplates": {"application/json": "{}"},
            },
            "404": {"statusCode": "404", "selectionPattern": "4..", "responseTemplates": {}},
        },
    }
    answer = mocked(integration, media="")
    assert (answer.status, answer.body) == (200, b"{}")
    assert dict(answer.headers) == {
        "access-control-allow-origin": "*",
        "content-type": "application/json",
    }
    other = {**integration, "requestTemplates": {"application/json": '{"statusCode": 404}'}}
    assert mocked(other, media="application/json").status == 404


@pytest.mark.parametrize(
    "integration",
    [
        {"requestTemplates": {"application/json": "$input.json('$')"}},
        {"requestTemplates": {"application/json": "{}"}},
        {"requestTemplates": {"application/json": '{"statusCode": 200}'}},
    ],
)
def test_mocks_that_cannot_be(integration: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        mocked(integration, media="application/json")


def test_refusals_can_be_changed() -> None:
    plain = refusal("MISSING_AUTHENTICATION_TOKEN", {})
    assert (plain.status, plain.body) == (403, b'{"message":"Missing Authentication Token"}')
    assert refusal("ACCESS_DENIED", {}).body.startswith(b'{"Message":')
    own = {
        "DEFAULT_4XX": {
            "responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
        },
        "UNAUTHORIZED": {
            "statusCode": "418",
            "responseTemplates": {"application/json": '{"why":$context.error.messageString}'},
        },
    }
    assert ("access-control-allow-origin", "*") in refusal("INVALID_API_KEY", own).headers
    teapot = refusal("UNAUTHORIZED", own)
    assert (teapot.status, teapot.body) == (418, b'{"why":"Unauthorized"}')


def test_cors() -> None:
    cors = {
        "AllowOrigins": [ORIGIN, "http://*"],
        "AllowMethods": ["GET", "post"],
        "AllowHeaders": ["x-a"],
        "AllowCredentials": True,
        "MaxAge": 60,
    }
    assert dict(answered(cors, origin=ORIGIN)) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "vary": "origin",
    }
    assert answered(cors, origin="https://evil.example") == []
    assert answered(cors, origin="http://anything")
    before = dict(preflight(cors, origin=ORIGIN, method="POST"))
    assert before["access-control-allow-methods"] == "GET,POST"
    assert before["access-control-max-age"] == "60"
    assert "access-control-allow-methods" not in dict(
        preflight(cors, origin=ORIGIN, method="DELETE")
    )


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ([("Allow", "arn:aws:execute-api:*:*:a/dev/GET/*")], Allowing.YES),
        ([("Allow", "*"), ("Deny", "*/GET/items")], Allowing.DENIED),
        ([("Allow", "*/POST/*")], Allowing.UNSAID),
        ([], Allowing.UNSAID),
    ],
)
def test_policies_of_authorizers(statements: list[tuple[str, str]], verdict: Allowing) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
            for effect, resource in statements
        ],
    }
    arn = "arn:aws:execute-api:us-east-1:000000000000:a/dev/GET/items"
    assert judge(policy, arn) is verdict


def test_patches() -> None:
    value: dict[str, Any] = {"name": "a", "binaryMediaTypes": ["x/y"], "on": True, "variables": {}}
    patch(
        value,
        [
            {"op": "replace", "path": "/name", "value": "b"},
            {"op": "add", "path": "/binaryMediaTypes/image~1png"},
            {"op": "remove", "path": "/binaryMediaTypes/x~1y"},
            {"op": "replace", "path": "/on", "value": "false"},
            {"op": "replace", "path": "/variables/color", "value": "blue"},
        ],
        allowed=frozenset({"name", "binaryMediaTypes", "on", "variables"}),
        lists=frozenset({"binaryMediaTypes"}),
    )
    assert value == {
        "name": "b",
        "binaryMediaTypes": ["image/png"],
        "on": False,
        "variables": {"color": "blue"},
    }
    sized: dict[str, Any] = {"minimumCompressionSize": 5}
    unset = {"op": "replace", "path": "/minimumCompressionSize", "value": ""}  # as Chalice does
    patch(sized, [unset], allowed=frozenset(sized))
    assert sized == {}
    for wrong in ({"op": "replace", "path": "/id", "value": "x"}, {"op": "copy", "path": "/name"}):
        with pytest.raises(AwsError):
            patch(value, [wrong], allowed=frozenset({"name"}))
