"""A serverless.yml that guards its routes, reads the account and hears of a bucket of others."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.aws.conftest import Client
from tests.functional.aws.examples.conftest import Deploy, Stack, visit
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

SERVICE = """
service: guarded
provider:
  name: aws
  runtime: python3.11
  timeout: 60
  iam: {role: {statements: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
  environment:
    GREETING: ${ssm:/guarded/greeting}
    WHERE: ${s3:guarded-there/where.txt}
    ELSE: ${cf:no-such-stack.Output, 'else'}
    OUT: guarded-there
  httpApi:
    cors: true
    authorizers:
      mine: {type: request, functionName: simple, enableSimpleResponses: true}
  apiGateway:
    apiKeys: [{name: partner, value: partner-key-that-is-long-enough}]
    usagePlan: {throttle: {rateLimit: 100, burstLimit: 100}}
functions:
  token: {handler: app.token}
  simple: {handler: app.simple}
  greet:
    handler: app.greet
    events:
      - http: {path: greet, method: get, cors: true, authorizer: token}
      - http: {path: keyed, method: get, private: true}
      - http: {path: signed, method: get, authorizer: aws_iam}
      - httpApi: {path: /greet, method: get, authorizer: {name: mine}}
      - httpApi: GET /open
  hear:
    handler: app.hear
    events:
      - s3: {bucket: guarded-there, existing: true, rules: [{prefix: in/}]}
"""
APP = """
import os

def token(event, context):
    effect = "Allow" if event["authorizationToken"] == "let me" else "Deny"
    one = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [one]}
    return {"principalId": "ada", "policyDocument": policy}

def simple(event, context):
    return {"isAuthorized": event["headers"]["authorization"] == "let me"}

def greet(event, context):
    said = " ".join(os.environ[name] for name in ("GREETING", "WHERE", "ELSE"))
    return {"statusCode": 200, "body": said}

def hear(event, context):
    import boto3
    for one in event["Records"]:
        key = one["s3"]["object"]["key"].replace("in/", "out/")
        boto3.client("s3").put_object(Bucket=os.environ["OUT"], Key=key, Body=b"heard")
"""


@pytest.fixture(scope="module")
def bucket(client: Client) -> Iterator[str]:
    """A bucket that no stack has made, and a parameter."""
    s3, ssm = client("s3"), client("ssm")
    s3.create_bucket(Bucket="guarded-there")
    s3.put_object(Bucket="guarded-there", Key="where.txt", Body=b"world")
    ssm.put_parameter(Name="/guarded/greeting", Value="hello", Type="SecureString")
    yield "guarded-there"
    ssm.delete_parameter(Name="/guarded/greeting")


@pytest.fixture(scope="module")
def stack(bucket: str, deployed: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The project, deployed."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "serverless.yml").write_text(SERVICE)
    (folder / "app.py").write_text(APP)
    return deployed(folder)


def test_routes_let_in_whom_their_authorizers_let_in(aws: Platform, stack: Stack) -> None:
    urls = [stack.urls[name].rstrip("/") for name in ("ApiGatewayRestApi", "HttpApi")]
    for url in (f"{one}/greet" for one in urls):
        assert visit(aws, url).status_code == 401
        assert visit(aws, url, headers={"authorization": "please"}).status_code == 403
        let_in = visit(aws, url, headers={"authorization": "let me"})
        assert (let_in.status_code, let_in.text) == (200, "hello world else")
    preflight = {"origin": "https://a.example", "access-control-request-method": "GET"}
    for url in urls:
        asked = visit(aws, f"{url}/greet", "OPTIONS", headers=preflight)
        assert asked.headers["access-control-allow-origin"] == "*"
    assert visit(aws, f"{urls[1]}/open").status_code == 200


def test_keys_and_signatures(aws: Platform, stack: Stack) -> None:
    url = stack.urls["ApiGatewayRestApi"].rstrip("/")
    assert visit(aws, f"{url}/signed").status_code == 403
    assert visit(aws, f"{url}/keyed").status_code == 403
    key = {"x-api-key": "partner-key-that-is-long-enough"}
    assert visit(aws, f"{url}/keyed", headers=key).status_code == 200


def test_a_bucket_that_was_there_tells_until_the_stack_is_gone(
    stack: Stack, bucket: str, client: Client, tap: Callable[..., Any]
) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="in/a", Body=b"")
    until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix="out/a")["KeyCount"] == 1, "it is heard")
    assert tap("aws", "rm", stack.name, "--yes").exit_code == 0
    left = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "LambdaFunctionConfigurations" not in left


def test_a_bucket_that_is_not_there_is_said(tap: Callable[..., Any], tmp_path: Path) -> None:
    page = "service: lonely\nprovider: {name: aws, runtime: python3.11}\nfunctions:\n  hear:\n"
    page += "    handler: app.hear\n    events: [{s3: {bucket: not-there-yet, existing: true}}]\n"
    (tmp_path / "serverless.yml").write_text(page)
    (tmp_path / "app.py").write_text(APP)
    done = tap("deploy", str(tmp_path))
    assert done.exit_code == 1
    assert "there is no bucket not-there-yet (existing: true)" in done.output
    assert "lonely" not in tap("aws", "stacks").output
