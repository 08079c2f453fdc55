"""OpenAPI documents become APIs."""

import itertools
import json
from typing import Any

import pytest

from tapwater_server.clouds.aws.apigateway.http_import import read_document
from tapwater_server.clouds.aws.apigateway.rest_import import read_into
from tapwater_server.clouds.aws.apigateway.rest_records import fresh_api, snapshot
from tapwater_server.clouds.aws.asked import AwsError

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
PROXY: dict[str, Any] = {"type": "aws_proxy", "httpMethod": "POST", "uri": URI}


def fresh() -> Any:
    numbers = itertools.count()
    return lambda: f"id{next(numbers)}"


def operation(**more: Any) -> dict[str, Any]:
    return {"x-amazon-apigateway-integration": PROXY, "responses": {}, **more}


def test_http_api() -> None:
    document = {
        "openapi": "3.0.1",
        "info": {"title": "shop", "version": "1"},
        "tags": [{"name": "by", "x-amazon-apigateway-tag-value": "SAM"}],
        "x-amazon-apigateway-cors": {"allowOrigins": "*", "maxAge": 5},
        "components": {
            "securitySchemes": {
                "jwt": {
                    "type": "oauth2",
                    "x-amazon-apigateway-authorizer": {
                        "type": "jwt",
                        "identitySource": "$request.header.Authorization",
                        "jwtConfiguration": {"issuer": "https://i.example", "audience": ["a"]},
                    },
                }
            }
        },
        "paths": {
            "/items/{id}": {"get": operation(security=[{"jwt": ["read"]}])},
            "/{proxy+}": {"x-amazon-apigateway-any-method": operation()},
            "/$default": {"x-amazon-apigateway-any-method": operation()},
        },
    }
    api = read_document(json.dumps(document), fresh=fresh())
    keys = {route["RouteKey"]: route for route in api["routes"].values()}
    assert set(keys) == {"GET /items/{id}", "ANY /{proxy+}", "$default"}
    assert keys["GET /items/{id}"]["AuthorizationType"] == "JWT"
    assert keys["GET /items/{id}"]["AuthorizationScopes"] == ["read"]
    assert len(api["integrations"]) == 1
    assert api["CorsConfiguration"] == {"AllowOrigins": ["*"], "MaxAge": 5}
    assert api["tags"] == {"by": "SAM"}


def test_rest_api() -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "shop"},
        "basePath": "/v1",
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": 418}},
        "securityDefinitions": {
            "mine": {
                "type": "apiKey",
                "name": "X-Token",
                "in": "header",
                "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": URI},
            },
            "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
            "sigv4": {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"},
        },
        "paths": {
            "/a/{id}": {
                "get": operation(security=[{"mine": []}]),
                "put": operation(security=[{"api_key": []}]),
                "x-amazon-apigateway-any-method": operation(security=[{"sigv4": []}]),
            },
            "/a": {
                "options": {
                    "x-amazon-apigateway-integration": {
                        "type": "mock",
                        "requestTemplates": {"application/json": "{statusCode: 200}"},
                        "responses": {"default": {"statusCode": "200"}},
                    }
                }
            },
        },
    }
    api = fresh_api({}, now=0, root="root")
    read_into(api, json.dumps(document), fresh=fresh())
    paths = {one["path"]: one["methods"] for one in api["resources"].values()}
    assert set(paths) == {"/", "/a", "/a/{id}"}
    methods = paths["/a/{id}"]
    assert set(methods) == {"GET", "PUT", "ANY"}
    assert methods["GET"]["authorizationType"] == "CUSTOM"
    authorizer = api["authorizers"][methods["GET"]["authorizerId"]]
    assert authorizer["identitySource"] == "method.request.header.X-Token"
    assert methods["PUT"]["apiKeyRequired"]
    assert methods["ANY"]["authorizationType"] == "AWS_IAM"
    assert api["gatewayResponses"]["DEFAULT_4XX"]["statusCode"] == "418"
    assert api["binaryMediaTypes"] == ["image/png"]
    assert snapshot(api)["resources"] == api["resources"]
    prepended = fresh_api({}, now=0, root="root")
    read_into(prepended, json.dumps(document), fresh=fresh(), said={"basepath": "prepend"})
    assert "/v1/a/{id}" in {one["path"] for one in prepended["resources"].values()}


@pytest.mark.parametrize(
    "integration",
    [
        {"type": "http_proxy", "uri": "http://169.254.169.254/"},
        {"type": "aws", "uri": URI},
        {"type": "aws_proxy", "uri": "arn:aws:apigateway:r:sqs:path/q"},
    ],
)
def test_what_is_not_available_is_refused(integration: dict[str, Any]) -> None:
    paths = {"/a": {"get": {"x-amazon-apigateway-integration": integration}}}
    body = json.dumps({"info": {"title": "x"}, "paths": paths})
    with pytest.raises(AwsError):
        read_document(body, fresh=fresh())
    with pytest.raises(AwsError):
        read_into(fresh_api({}, now=0, root="root"), body, fresh=fresh())


@pytest.mark.parametrize("body", ["", "[]", "a: [", "{paths: 3}"])
def test_no_documents(body: str) -> None:
    with pytest.raises(AwsError):
        read_document(body, fresh=fresh())
