"""What policies are asked for, and what they say to users, roles and functions."""

import json
from typing import Any

import pytest

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.front.asking import Wish
from tapwater_server.clouds.aws.front.naming import moved, resources_of, roles_of
from tapwater_server.clouds.aws.front.permits import Held, allowed
from tapwater_server.clouds.aws.iam.managed import PREFIX, described, managed
from tapwater_server.clouds.aws.iam.service import Iam
from tapwater_server.clouds.aws.policies.judging import Policy, parse_policy
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import Put
from tests.unit.clouds.aws.front.kit import ACCOUNT, World

ME = "000000000000"
FUNCTION = f"arn:aws:lambda:us-east-1:{ME}:function"
OTHER = "arn:aws:lambda:us-east-1:000000000000:function:harmless"


@pytest.mark.parametrize(
    ("service", "operation", "params", "named"),
    [
        ("lambda", "Invoke", {"FunctionName": "f"}, [f"{FUNCTION}:f"]),
        ("lambda", "Invoke", {"FunctionName": "f:live"}, [f"{FUNCTION}:f:live"]),
        ("lambda", "Invoke", {"FunctionName": f"{ME}:function:f"}, [f"{FUNCTION}:f"]),
        ("lambda", "Invoke", {"FunctionName": f"{ME}:f"}, [f"{FUNCTION}:f"]),
        ("lambda", "Invoke", {"FunctionName": f"{FUNCTION}:f"}, [f"{FUNCTION}:f"]),
        # What stands before it, or is an ARN too, does not take a name's place.
        ("lambda", "Update", {"KMSKeyArn": OTHER, "FunctionName": "f"}, [f"{FUNCTION}:f"]),
        ("lambda", "Create", {"EventSourceArn": OTHER, "FunctionName": "f"}, [f"{FUNCTION}:f"]),
        ("iam", "AttachUserPolicy", {"PolicyArn": "arn:aws:iam::aws:policy/P", "UserName": "u"},
         [f"arn:aws:iam::{ME}:user/u"]),
        ("events", "PutRule", {"RoleArn": OTHER, "Name": "r"},
         [f"arn:aws:events:us-east-1:{ME}:rule/r"]),
        ("events", "PutRule", {"EventBusName": "b", "Name": "r"},
         [f"arn:aws:events:us-east-1:{ME}:rule/b/r"]),
        ("events", "PutEvents", {"Entries": [{"EventBusName": "b"}, {}, {}]},
         [f"arn:aws:events:us-east-1:{ME}:event-bus/{bus}" for bus in ("b", "default")]),
        ("events", "DeleteEventBus", {"Name": "b"},
         [f"arn:aws:events:us-east-1:{ME}:event-bus/b"]),
        ("sqs", "SendMessage", {"QueueUrl": f"http://h/{ME}/q?/other"},
         [f"arn:aws:sqs:us-east-1:{ME}:q"]),
        ("sqs", "SendMessage", {"QueueUrl": f"http://h/{ME}/%71/"},
         [f"arn:aws:sqs:us-east-1:{ME}:q"]),
        ("sqs", "ListQueues", {}, ["*"]),
        ("sns", "Unsubscribe", {"SubscriptionArn": f"arn:aws:sns:us-east-1:{ME}:t:1-2"},
         [f"arn:aws:sns:us-east-1:{ME}:t"]),
        ("ssm", "GetParameters", {"Names": ["/a/b:2", "c:label"]},
         [f"arn:aws:ssm:us-east-1:{ME}:parameter/{name}" for name in ("a/b", "c")]),
        ("logs", "GetLogEvents", {"logGroupName": "g"},
         [f"arn:aws:logs:us-east-1:{ME}:log-group:g:*"]),
        ("logs", "GetLogEvents", {"logGroupIdentifier": f"arn:aws:logs:us-east-1:{ME}:log-group:g"},
         [f"arn:aws:logs:us-east-1:{ME}:log-group:g:*"]),
        ("scheduler", "GetSchedule", {"GroupName": "g", "Name": "s"},
         [f"arn:aws:scheduler:us-east-1:{ME}:schedule/g/s"]),
    ],
)  # fmt: skip
def test_what_is_meant(
    service: str, operation: str, params: dict[str, Any], named: list[str]
) -> None:
    assert resources_of(ACCOUNT, service, operation, params) == named


def test_a_queue_in_the_path() -> None:
    named = resources_of(ACCOUNT, "sqs", "SendMessage", {}, path=f"/{ME}/jobs")
    assert named == [f"arn:aws:sqs:us-east-1:{ME}:jobs"]


def test_roles_that_are_passed() -> None:
    role = f"arn:aws:iam::{ME}:role/r"
    assert roles_of({"Role": role}) == [role]
    assert roles_of({"Target": {"RoleArn": role}, "Targets": [{"RoleArn": role}]}) == [role, role]


def policy(*statements: dict[str, Any]) -> Policy:
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def test_what_is_denied_here_is_denied_by_every_name() -> None:
    secret = f"arn:aws:sqs:us-east-1:{ME}:secret"
    held: Held = (
        [
            policy(
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "sqs:*", "Resource": secret},
            )
        ],
        [],
    )
    for arn in (secret, f"arn:aws:sqs:eu-west-1:{ME}:secret", "arn:aws:sqs:us-east-1:1:secret"):
        wish = Wish("sqs:SendMessage", arn)
        assert not allowed(held, wish, {}, also=moved(arn, ACCOUNT)), arn
    assert allowed(held, Wish("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ME}:other"), {})


@pytest.mark.parametrize(
    ("name", "may", "may_not"),
    [
        ("AdministratorAccess", "iam:CreateUser", None),
        ("PowerUserAccess", "s3:PutObject", "iam:CreateUser"),
        ("ReadOnlyAccess", "s3:GetObject", "secretsmanager:GetSecretValue"),
        ("ReadOnlyAccess", "lambda:ListFunctions", "lambda:InvokeFunction"),
        ("AmazonS3FullAccess", "s3:DeleteObject", "sqs:SendMessage"),
        ("AmazonS3ReadOnlyAccess", "s3:ListBucket", "s3:PutObject"),
        ("AmazonSQSFullAccess", "sqs:SendMessage", "sns:Publish"),
        ("AmazonSNSFullAccess", "sns:Publish", "sqs:SendMessage"),
        ("AmazonDynamoDBFullAccess", "dynamodb:PutItem", "s3:GetObject"),
        ("AmazonSSMReadOnlyAccess", "ssm:GetParameter", "ssm:PutParameter"),
        ("AWSLambda_FullAccess", "lambda:InvokeFunction", "iam:CreateRole"),
        ("SecretsManagerReadWrite", "secretsmanager:PutSecretValue", "ssm:GetParameter"),
        ("service-role/AWSLambdaBasicExecutionRole", "logs:PutLogEvents", "logs:GetLogEvents"),
        ("service-role/AWSLambdaSQSQueueExecutionRole", "sqs:DeleteMessage", "sqs:SendMessage"),
        ("service-role/AWSLambdaVPCAccessExecutionRole", "logs:PutLogEvents", "s3:GetObject"),
        ("service-role/AWSLambdaKinesisExecutionRole", "kinesis:GetRecords", "kinesis:PutRecord"),
        ("AWSXRayDaemonWriteAccess", "xray:PutTraceSegments", "xray:GetTraceSummaries"),
        ("AmazonNothingOfThisKind", None, "s3:GetObject"),
    ],
)
def test_policies_of_aws_mean_what_they_say(
    name: str, may: str | None, may_not: str | None
) -> None:
    document = managed(PREFIX + name)
    assert document is not None
    held: Held = ([parse_policy(document)], [])
    assert may is None or allowed(held, Wish(may, "arn:aws:x:::y"), {})
    assert may_not is None or not allowed(held, Wish(may_not, "arn:aws:x:::y"), {})
    assert bool(described(PREFIX + name)) is (may is None)


async def test_who_exists_is_held_to_policies() -> None:
    world = World()
    iam = Iam(facts=world.facts, keys=world.keys, clock=world.clock, ids=world.ids)
    role = f"arn:aws:iam::{ME}:role/r"
    session = Caller(account=ACCOUNT, name="s", role=role, access_key="ASIA")
    function = Caller(account=ACCOUNT, name="f", role=role, access_key="ASIA", function=OTHER)
    user = Caller(account=ACCOUNT, name="u", user="u", access_key="AKIA")
    assert iam.policies_of(function) is None  # Of a role that is nowhere: and it says so.
    assert iam.policies_of(session) == ([], [])  # Of a role that is gone.
    assert iam.policies_of(user) == ([], [])
    value = {"Arn": role, "inline": {}, "attached": [f"{PREFIX}AmazonS3FullAccess"]}
    await world.facts.change(ACCOUNT.space, [Put(kind="iam/role", key="r", value=value)])
    held = iam.policies_of(function)
    assert held is not None
    assert allowed(held, Wish("s3:GetObject", "arn:aws:s3:::b/k"), {})
    assert not allowed(held, Wish("sqs:SendMessage", "*"), {})
    elsewhere = Account(id="999999999999", home=AppId("shop"))
    stranger = Caller(account=elsewhere, name="f", role=role, access_key="A", function=OTHER)
    assert iam.policies_of(stranger) is None
