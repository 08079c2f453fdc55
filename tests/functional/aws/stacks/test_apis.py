"""APIs made with boto3: who may call them, stages, keys, tokens, what the gateway says itself."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.stacks.kit import Stacks, zipped

pytestmark = pytest.mark.slow
ROLE = "arn:aws:iam::000000000000:role/any"
SOURCE = """
def handler(event, context):
    if event.get("type") in ("TOKEN", "REQUEST"):
        token = event.get("authorizationToken") or (event.get("headers") or {}).get("x-token")
        if token == "nobody":
            raise Exception("Unauthorized")
        if "routeArn" in event:
            return {"isAuthorized": token == "good", "context": {"who": token, "n": 1}}
        effect = "Allow" if token == "good" else "Deny"
        statement = {"Action": "execute-api:Invoke", "Effect": effect}
        statement["Resource"] = event["methodArn"]
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        return {"principalId": token, "policyDocument": policy, "context": {"n": 1, "ok": True}}
    context = event["requestContext"]
    if (event.get("queryStringParameters") or {}).get("fail"):
        raise ValueError("on purpose")
    if (event.get("queryStringParameters") or {}).get("echo"):
        return {"statusCode": 200, "body": ";".join(event["multiValueHeaders"]["X-Many"])}
    return {"statusCode": 200, "body": __import__("json").dumps(context.get("authorizer"))}
"""


@pytest.fixture(scope="module")
def uri(stacks: Stacks) -> Iterator[str]:
    """One function for all APIs of this file."""
    functions = stacks.client("lambda")
    made = functions.create_function(
        FunctionName="stacks-api",
        Role=ROLE,
        Runtime="python3.11",
        Handler="app.handler",
        Code={"ZipFile": zipped(SOURCE)},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="stacks-api")
    start = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions"
    yield f"{start}/{made['FunctionArn']}/invocations"
    functions.delete_function(FunctionName="stacks-api")


def test_rest_api_by_hand(stacks: Stacks, uri: str) -> None:
    rest = stacks.client("apigateway")
    api = rest.create_rest_api(name="by-hand")
    id, root = api["id"], api["rootResourceId"]
    rest.create_authorizer(
        restApiId=id,
        name="token",
        type="TOKEN",
        authorizerUri=uri,
        identitySource="method.request.header.X-Token",
    )
    authorizer = rest.get_authorizers(restApiId=id)["items"][0]["id"]
    item = rest.create_resource(restApiId=id, parentId=root, pathPart="{id}")["id"]
    with pytest.raises(ClientError, match="sibling"):
        rest.create_resource(restApiId=id, parentId=root, pathPart="{other}")
    for verb, options in (
        ("GET", {"authorizationType": "CUSTOM", "authorizerId": authorizer}),
        ("POST", {"authorizationType": "NONE", "apiKeyRequired": True}),
        ("PUT", {"authorizationType": "AWS_IAM"}),
        ("DELETE", {"authorizationType": "NONE"}),
    ):
        place = {"restApiId": id, "resourceId": item, "httpMethod": verb}
        rest.put_method(**place, **options)
        rest.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    rest.create_deployment(restApiId=id, stageName="dev")
    _check_token(stacks, id)
    _check_key(stacks, id)
    assert stacks.get(id, "/dev/1", method="PUT").status_code == 403
    failing = stacks.get(id, "/dev/1?fail=1", method="DELETE")
    assert (failing.status_code, failing.json()) == (502, {"message": "Internal server error"})
    many = [("X-Many", "a,b"), ("X-Many", "c")]
    assert stacks.get(id, "/dev/1?echo=1", method="DELETE", headers=many).text == "a,b;c"
    assert stacks.get(id, "/dev/1/2").status_code == 403
    assert stacks.get(id, "/prod/1").json() == {"message": "Forbidden"}
    rest.delete_rest_api(restApiId=id)
    assert stacks.get(id, "/dev/1").status_code == 403


def _check_token(stacks: Stacks, id: str) -> None:
    good = stacks.get(id, "/dev/1", headers={"X-Token": "good"})
    told = good.json()
    assert (told["principalId"], told["n"], told["ok"]) == ("good", "1", "true")
    bad = stacks.get(id, "/dev/1", headers={"X-Token": "bad"})
    assert (bad.status_code, "explicit deny" in bad.json()["Message"]) == (403, True)
    for headers in ({}, {"X-Token": "nobody"}):
        answer = stacks.get(id, "/dev/1", headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def _check_key(stacks: Stacks, id: str) -> None:
    rest = stacks.client("apigateway")
    key = rest.create_api_key(name="k", enabled=True)
    plan = rest.create_usage_plan(name="p", apiStages=[{"apiId": id, "stage": "dev"}])
    say = {"method": "POST", "headers": {"x-api-key": key["value"]}}
    assert stacks.get(id, "/dev/1", **say).status_code == 403
    rest.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    assert stacks.get(id, "/dev/1", **say).status_code == 200
    assert stacks.get(id, "/dev/1", method="POST").json() == {"message": "Forbidden"}
    stage = {"op": "remove", "path": "/apiStages", "value": f"{id}:dev"}
    rest.update_usage_plan(usagePlanId=plan["id"], patchOperations=[stage])
    rest.delete_usage_plan(usagePlanId=plan["id"])
    rest.delete_api_key(apiKey=key["id"])


def test_http_api_by_hand(stacks: Stacks, uri: str) -> None:
    gateway = stacks.client("apigatewayv2")
    with pytest.raises(ClientError, match="WebSocket APIs are not available"):
        gateway.create_api(Name="ws", ProtocolType="WEBSOCKET")
    api = gateway.create_api(
        Name="by-hand",
        ProtocolType="HTTP",
        CorsConfiguration={"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"]},
    )
    id = api["ApiId"]
    authorizer = gateway.create_authorizer(
        ApiId=id,
        Name="request",
        AuthorizerType="REQUEST",
        AuthorizerUri=uri,
        AuthorizerPayloadFormatVersion="2.0",
        EnableSimpleResponses=True,
        IdentitySource=["$request.header.x-token"],
    )["AuthorizerId"]
    integration = gateway.create_integration(
        ApiId=id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=uri,
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    target = f"integrations/{integration}"
    gateway.create_route(
        ApiId=id,
        RouteKey="GET /mine",
        Target=target,
        AuthorizationType="CUSTOM",
        AuthorizerId=authorizer,
    )
    gateway.create_route(ApiId=id, RouteKey="$default", Target=target)
    with pytest.raises(ClientError, match="already exists"):
        gateway.create_route(ApiId=id, RouteKey="$default", Target=target)
    with pytest.raises(ClientError, match="used by a route"):
        gateway.delete_integration(ApiId=id, IntegrationId=integration)
    gateway.create_stage(ApiId=id, StageName="dev")
    assert stacks.get(id, "/dev/mine").status_code == 404
    gateway.create_deployment(ApiId=id, StageName="dev")
    mine = stacks.get(id, "/dev/mine", headers={"x-token": "good"})
    assert mine.json() == {"lambda": {"who": "good", "n": 1}}
    assert stacks.get(id, "/dev/mine", headers={"x-token": "bad"}).status_code == 403
    assert stacks.get(id, "/dev/mine").json() == {"message": "Unauthorized"}
    assert stacks.get(id, "/dev/anything?fail=1").status_code == 500
    page = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    before = stacks.get(id, "/dev/mine", method="OPTIONS", headers=page)
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (
        204,
        "https://a.example",
    )
    gateway.delete_api(ApiId=id)
    assert stacks.get(id, "/dev/x").status_code == 403
