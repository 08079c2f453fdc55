"""Policies that AWS itself keeps, as far as we know what they allow. Pure.

Those for execution roles are listed; of ``…FullAccess`` and ``…ReadOnlyAccess`` the service is in
the name. Any other can be attached, allows nothing, and says so where it is shown.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

PREFIX = "arn:aws:iam::aws:policy/"
UNKNOWN = "Not known here: it can be attached, and allows nothing."
_NAME = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_+=,.@-]{1,128}")
_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_TABLE = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
_STREAM = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:ListStreams",
    "kinesis:SubscribeToShard",
)
_XRAY = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
)
# Of what is here; values of secrets are not among it.
_READ = (
    *("apigateway:GET", "cloudformation:Describe*", "cloudformation:Get*", "cloudformation:List*"),
    *("cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*"),
    *("dynamodb:BatchGet*", "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*"),
    *("dynamodb:Query", "dynamodb:Scan", "events:Describe*", "events:List*", "events:Test*"),
    *("iam:Generate*", "iam:Get*", "iam:List*", "iam:Simulate*", "kinesis:Describe*"),
    *("kinesis:Get*", "kinesis:List*", "lambda:Get*", "lambda:List*", "logs:Describe*"),
    *("logs:FilterLogEvents", "logs:Get*", "logs:ListTagsLogGroup", "logs:StartQuery"),
    *("logs:StopQuery", "logs:TestMetricFilter", "s3:DescribeJob", "s3:Get*", "s3:List*"),
    *("scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:List*"),
    *("secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"),
    *("secretsmanager:List*", "sns:Get*", "sns:List*", "sqs:Get*", "sqs:List*", "sqs:Receive*"),
    *("ssm:Describe*", "ssm:Get*", "ssm:List*", "states:Describe*", "states:GetExecutionHistory"),
    *("states:List*", "sts:GetAccessKeyInfo", "sts:GetCallerIdentity", "sts:GetSessionToken"),
    *("xray:BatchGet*", "xray:Get*"),
)
_KNOWN: Mapping[str, Sequence[str]] = {
    "AdministratorAccess": ("*",),
    "ReadOnlyAccess": _READ,
    "AWSLambdaExecute": ("logs:*", "s3:GetObject", "s3:PutObject"),
    "AWSLambda_FullAccess": (
        "lambda:*",
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:ListRoles",
        "iam:PassRole",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "states:DescribeStateMachine",
        "states:ListStateMachines",
        "xray:BatchGetTraces",
        "xray:GetTraceSummaries",
    ),
    "AWSLambdaInvocation-DynamoDB": ("lambda:InvokeFunction", *_TABLE),
    "AWSXRayDaemonWriteAccess": _XRAY,
    "AWSXrayWriteOnlyAccess": _XRAY,
    "AmazonAPIGatewayAdministrator": ("apigateway:*",),
    "AmazonAPIGatewayInvokeFullAccess": ("execute-api:Invoke", "execute-api:ManageConnections"),
    "AmazonEventBridgeFullAccess": ("events:*", "scheduler:*", "pipes:*", "schemas:*"),
    "CloudWatchLambdaInsightsExecutionRolePolicy": _LOGS,
    "SecretsManagerReadWrite": ("secretsmanager:*", "lambda:ListFunctions", "tag:GetResources"),
    "service-role/AWSLambdaBasicExecutionRole": _LOGS,
    "service-role/AWSLambdaDynamoDBExecutionRole": (*_TABLE, *_LOGS),
    "service-role/AWSLambdaENIManagementAccess": _NETWORK,
    "service-role/AWSLambdaKinesisExecutionRole": (*_STREAM, *_LOGS),
    "service-role/AWSLambdaRole": ("lambda:InvokeFunction",),
    "service-role/AWSLambdaSQSQueueExecutionRole": (*_QUEUE, *_LOGS),
    "service-role/AWSLambdaVPCAccessExecutionRole": (*_LOGS, *_NETWORK),
    "service-role/AmazonAPIGatewayPushToCloudWatchLogs": (
        *_LOGS,
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:GetLogEvents",
        "logs:FilterLogEvents",
    ),
}
# The services' own names in their policies' names: AmazonS3FullAccess, AmazonSQSReadOnlyAccess.
_SERVICES = {
    "AmazonS3": "s3",
    "AmazonSQS": "sqs",
    "AmazonSNS": "sns",
    "AmazonDynamoDB": "dynamodb",
    "AmazonEventBridge": "events",
    "AmazonEventBridgeScheduler": "scheduler",
    "AmazonKinesis": "kinesis",
    "AmazonSSM": "ssm",
    "AWSLambda": "lambda",
    "AWSLambda_": "lambda",
    "AWSCloudFormation": "cloudformation",
    "AWSStepFunctions": "states",
    "AWSXray": "xray",
    "CloudWatchLogs": "logs",
    "CloudWatch": "cloudwatch",
    "IAM": "iam",
}
_NAMED = re.compile(r"([A-Za-z0-9_]+?)(FullAccess|ReadOnlyAccess|_FullAccess|_ReadOnlyAccess)(V2)?")


def managed(arn: str) -> str | None:
    """Give the document of one of AWS's own policies; None: it cannot be one's name.

    >>> managed("arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:*"],"Resource":"*"}]}'
    """
    name = arn.removeprefix(PREFIX)
    if not arn.startswith(PREFIX) or not _NAME.fullmatch(name):
        return None
    statements = _statements(name)
    return msgspec.json.encode({"Version": "2012-10-17", "Statement": statements}).decode()


def described(arn: str) -> str:
    """Say what is to be said of one of AWS's own policies.

    >>> described("arn:aws:iam::aws:policy/AmazonWorkMailFullAccess")
    'Not known here: it can be attached, and allows nothing.'
    """
    return "" if _statements(arn.removeprefix(PREFIX)) else UNKNOWN


def _statements(name: str) -> list[dict[str, Any]]:
    if name == "PowerUserAccess":
        free = ["iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles"]
        return [
            {
                "Effect": "Allow",
                "NotAction": ["iam:*", "organizations:*", "account:*"],
                "Resource": "*",
            },
            {"Effect": "Allow", "Action": free, "Resource": "*"},
        ]
    actions = _KNOWN.get(name) or _by_name(name)
    return [{"Effect": "Allow", "Action": actions, "Resource": "*"}] if actions else []


def _by_name(name: str) -> list[str]:
    found = _NAMED.fullmatch(name)
    service = _SERVICES.get(found[1]) if found is not None else None
    if found is None or service is None:
        return []
    if "Full" in found[2]:
        return [f"{service}:*"]
    return [f"{service}:{verb}*" for verb in ("Get", "List", "Describe")]
