"""Policies that AWS itself keeps, as far as their names say what they allow. Pure."""

import re

import msgspec

PREFIX = "arn:aws:iam::aws:policy/"
_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_QUEUE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
_TABLE = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
_TABLE += ["dynamodb:ListStreams"]
_XRAY = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSampling*"]
_KNOWN: dict[str, list[str]] = {
    "AdministratorAccess": ["*"],
    "PowerUserAccess": ["*"],
    "service-role/AWSLambdaBasicExecutionRole": _LOGS,
    "service-role/AWSLambdaVPCAccessExecutionRole": _LOGS,
    "service-role/AWSLambdaSQSQueueExecutionRole": [*_QUEUE, *_LOGS],
    "service-role/AWSLambdaDynamoDBExecutionRole": [*_TABLE, *_LOGS],
    "service-role/AWSLambdaRole": ["lambda:InvokeFunction"],
    "AWSXRayDaemonWriteAccess": _XRAY,
    "AWSXrayWriteOnlyAccess": _XRAY,
    "ReadOnlyAccess": ["*:Get*", "*:List*", "*:Describe*", "*:Head*"],
}
# The services' own names in their policies' names: AmazonS3FullAccess, AmazonSQSReadOnlyAccess.
_SERVICES = {
    "AmazonS3": "s3",
    "AmazonSQS": "sqs",
    "AmazonSNS": "sns",
    "AmazonDynamoDB": "dynamodb",
    "AmazonEventBridge": "events",
    "AmazonEventBridgeScheduler": "scheduler",
    "AmazonSSM": "ssm",
    "AmazonAPIGatewayAdministrator": "apigateway",
    "AWSLambda": "lambda",
    "AWSLambda_": "lambda",
    "AWSCloudFormation": "cloudformation",
    "CloudWatchLogs": "logs",
    "CloudWatch": "cloudwatch",
    "IAM": "iam",
}
_NAMED = re.compile(r"([A-Za-z0-9_]+?)(FullAccess|ReadOnlyAccess|_FullAccess|_ReadOnlyAccess)(V2)?")


def managed(arn: str) -> str | None:
    """Give the document of one of AWS's own policies; None: we do not know it.

    >>> managed("arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:*"],"Resource":"*"}]}'
    """
    if not arn.startswith(PREFIX):
        return None
    name = arn.removeprefix(PREFIX)
    actions = _KNOWN.get(name) or _by_name(name)
    if actions is None:
        return None
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()


def _by_name(name: str) -> list[str] | None:
    found = _NAMED.fullmatch(name)
    service = _SERVICES.get(found[1]) if found is not None else None
    if found is None or service is None:
        return None
    if "Full" in found[2]:
        return [f"{service}:*"]
    return [f"{service}:{verb}*" for verb in ("Get", "List", "Describe", "Head")]
