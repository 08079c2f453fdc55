"""Function URLs, asked as a browser or a signed client asks."""

import json
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.functional.aws.conftest import ACCESS_KEY, REGION, SECRET, Client
from tests.functional.aws.lambda_.conftest import Functions
from tests.functional.running import Platform

pytestmark = pytest.mark.slow

SHOW = """
import base64, json
def handler(event, context):
    match event["rawPath"]:
        case "/plain": return {"hello": "there"}
        case "/text": return "just text"
        case "/bytes": return {"statusCode": 200, "isBase64Encoded": True,
                               "headers": {"content-type": "image/png"},
                               "body": base64.b64encode(b"\\x89PNG").decode()}
        case "/fails": raise ValueError("no")
        case "/wrong": return {"statusCode": "many"}
    return {"statusCode": 201, "headers": {"x-a": "b"}, "cookies": ["a=1", "b=2; HttpOnly"],
            "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def url(functions: Functions) -> str:
    functions.create("shown", SHOW)
    made = functions.client.create_function_url_config(
        FunctionName="shown",
        AuthType="NONE",
        Cors={"AllowOrigins": ["https://page.example"], "AllowMethods": ["GET"], "MaxAge": 5},
    )
    address: str = made["FunctionUrl"]
    assert httpx.get(address).status_code == 403, "nobody is allowed yet"
    functions.client.add_permission(
        FunctionName="shown",
        StatementId="everybody",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    return address


def test_a_request_becomes_an_event_and_an_answer(url: str) -> None:
    answer = httpx.post(
        f"{url}a%20b/c?x=1&x=2&y=",
        content=b"\xff\x00",
        headers={"cookie": "c=1; d=2", "authorization": "Bearer own", "content-type": "image/x"},
    )
    assert answer.status_code == 201
    assert answer.headers["x-a"] == "b"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2; HttpOnly"]
    event = answer.json()
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("/a%20b/c", "x=1&x=2&y=")
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["cookies"] == ["c=1", "d=2"]
    assert event["headers"]["authorization"] == "Bearer own"
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)
    assert event["requestContext"]["accountId"] == "anonymous"
    assert event["requestContext"]["http"]["method"] == "POST"


def test_answers_of_all_shapes(url: str) -> None:
    plain = httpx.get(f"{url}plain")
    assert (plain.status_code, plain.json()) == (200, {"hello": "there"})
    assert httpx.get(f"{url}text").text == "just text"
    image = httpx.get(f"{url}bytes")
    assert (image.content, image.headers["content-type"]) == (b"\x89PNG", "image/png")
    for path in ("fails", "wrong"):
        failed = httpx.get(url + path)
        assert (failed.status_code, failed.json()) == (502, {"Message": "Internal Server Error"})


def test_the_host_name_works_too(url: str, aws: Platform) -> None:
    id = url.rstrip("/").rpartition("/")[2]
    host = f"{id}.lambda-url.us-east-1.localhost:{aws.port}"
    event = httpx.get(f"{aws.url}/x", headers={"host": host}).json()
    assert event["requestContext"]["domainName"] == f"{id}.lambda-url.us-east-1.localhost"
    nobody = httpx.get(f"{aws.url}/_/aws/lambda-url/{'x' * 32}/")
    assert nobody.status_code == 404


def test_pages_of_the_named_origin_may_ask(url: str) -> None:
    asked = {"origin": "https://page.example", "access-control-request-method": "GET"}
    before = httpx.options(url, headers=asked)
    assert before.status_code == 200
    assert before.headers["access-control-allow-methods"] == "GET"
    after = httpx.get(f"{url}plain", headers={"origin": "https://page.example"})
    assert after.headers["access-control-allow-origin"] == "https://page.example"
    strange = httpx.get(f"{url}plain", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in strange.headers


def signed(url: str, secret: str = SECRET, key: str = ACCESS_KEY) -> dict[str, str]:
    asked = AWSRequest("GET", url)
    SigV4Auth(Credentials(key, secret), "lambda", REGION).add_auth(asked)
    return dict(asked.headers)


def test_a_url_for_signed_requests(functions: Functions, client: Client) -> None:
    functions.create("guarded", SHOW)
    made = functions.client.create_function_url_config(FunctionName="guarded", AuthType="AWS_IAM")
    url = made["FunctionUrl"]
    assert httpx.get(url).status_code == 403
    assert httpx.get(f"{url}x", headers=signed(f"{url}x", "wrong")).status_code == 403
    answer = httpx.get(f"{url}x", headers=signed(f"{url}x"))
    context: dict[str, Any] = answer.json()["requestContext"]
    assert context["accountId"] == "000000000000"
    assert context["authorizer"]["iam"]["userArn"].startswith("arn:aws:iam::000000000000:")
    iam = client("iam")
    iam.create_user(UserName="visitor")
    key = iam.create_access_key(UserName="visitor")["AccessKey"]
    pair = key["SecretAccessKey"], key["AccessKeyId"]
    assert httpx.get(url, headers=signed(url, *pair)).status_code == 403
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunctionUrl", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="visitor", PolicyName="p", PolicyDocument=policy)
    assert httpx.get(url, headers=signed(url, *pair)).status_code == 201
    iam.delete_user_policy(UserName="visitor", PolicyName="p")
    iam.delete_access_key(UserName="visitor", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="visitor")


def test_urls_are_kept_and_changed(functions: Functions) -> None:
    client = functions.client
    functions.create("kept-url", Publish=True)
    client.create_alias(FunctionName="kept-url", Name="prod", FunctionVersion="1")
    made = client.create_function_url_config(
        FunctionName="kept-url", Qualifier="prod", AuthType="NONE"
    )
    assert made["FunctionArn"].endswith(":kept-url:prod")
    changed = client.update_function_url_config(
        FunctionName="kept-url", Qualifier="prod", InvokeMode="RESPONSE_STREAM"
    )
    assert (changed["InvokeMode"], changed["AuthType"]) == ("RESPONSE_STREAM", "NONE")
    assert changed["FunctionUrl"] == made["FunctionUrl"]
    listed = client.list_function_url_configs(FunctionName="kept-url")["FunctionUrlConfigs"]
    assert [one["FunctionArn"] for one in listed] == [made["FunctionArn"]]
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.create_function_url_config(
            FunctionName="kept-url", Qualifier="prod", AuthType="NONE"
        )
    client.add_permission(
        FunctionName="kept-url",
        Qualifier="prod",
        StatementId="all",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    policy = json.loads(client.get_policy(FunctionName="kept-url", Qualifier="prod")["Policy"])
    assert policy["Statement"][0]["Resource"].endswith(":kept-url:prod")
    streamed = httpx.post(made["FunctionUrl"], json={"a": 1})
    assert streamed.status_code == 200, "what does not stream is answered as ever"
    client.remove_permission(FunctionName="kept-url", Qualifier="prod", StatementId="all")
    assert httpx.get(made["FunctionUrl"]).status_code == 403
    client.delete_function_url_config(FunctionName="kept-url", Qualifier="prod")
    assert httpx.get(made["FunctionUrl"]).status_code == 404
