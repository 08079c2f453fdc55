"""Functions are held to their roles, where IAM knows them; where it does not, they say so."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Client = Callable[..., Any]
ACCOUNT = "000000000000"
CODE = """
import json
import os
import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    try:
        url = sqs.get_queue_url(QueueName=event["queue"])["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="hello")
    except sqs.exceptions.ClientError as error:
        return error.response["Error"]
    return "sent"
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
SEND = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"],
            "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:roles-mine",
        }
    ],
}


def make(client: Client, name: str, role: str) -> dict[str, Any]:
    """Make a function that sends to a queue; give what is shown of it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", CODE)
    functions = client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": out.getvalue()},
        Timeout=20,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    shown: dict[str, Any] = functions.get_function_configuration(FunctionName=name)
    return shown


def told(client: Client, name: str, queue: str) -> Any:
    answer = client("lambda").invoke(
        FunctionName=name, Payload=json.dumps({"queue": queue}).encode()
    )
    return json.load(answer["Payload"])


@pytest.fixture
def queues(client: Client) -> Iterator[None]:
    sqs = client("sqs")
    urls = [sqs.create_queue(QueueName=f"roles-{name}")["QueueUrl"] for name in ("mine", "other")]
    yield
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


@pytest.mark.slow
def test_a_function_may_do_what_its_role_allows(client: Client, queues: None) -> None:
    iam = client("iam")
    role = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName="sender", PolicyArn=basic)
    assert "StateReason" not in make(client, "sender", role["Arn"])
    denied = told(client, "sender", "roles-mine")
    assert denied["Code"].startswith("AccessDenied")
    assert "assumed-role/sender/sender is not authorized to perform: sqs:" in denied["Message"]
    iam.put_role_policy(RoleName="sender", PolicyName="send", PolicyDocument=json.dumps(SEND))
    assert told(client, "sender", "roles-mine") == "sent"
    assert told(client, "sender", "roles-other")["Code"].startswith("AccessDenied")
    client("lambda").delete_function(FunctionName="sender")
    iam.delete_role_policy(RoleName="sender", PolicyName="send")
    iam.detach_role_policy(RoleName="sender", PolicyArn=basic)
    iam.delete_role(RoleName="sender")


@pytest.mark.slow
def test_a_role_that_is_nowhere_holds_nobody(client: Client, queues: None) -> None:
    shown = make(client, "free", f"arn:aws:iam::{ACCOUNT}:role/was-never-made")
    assert shown["State"] == "Active"
    assert "was-never-made is not a role here" in shown["StateReason"]
    assert told(client, "free", "roles-other") == "sent"
    client("lambda").delete_function(FunctionName="free")
