"""The role that functions of a serverless.yml take on. Pure."""

from collections.abc import Iterable
from typing import Any

_VERSION = "2012-10-17"
_LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:CreateLogGroup", "logs:PutLogEvents"],
    "Resource": "*",
}
_TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": ["lambda.amazonaws.com"]},
    "Action": ["sts:AssumeRole"],
}


def role(statements: Iterable[Any], managed: Any = None) -> dict[str, Any]:
    """Make a role that may write logs, and what the statements say."""
    document = {"Version": _VERSION, "Statement": [*statements, _LOGS]}
    properties: dict[str, Any] = {
        "AssumeRolePolicyDocument": {"Version": _VERSION, "Statement": [_TRUST]},
        "Policies": [{"PolicyName": "lambda", "PolicyDocument": document}],
    }
    if managed:
        properties["ManagedPolicyArns"] = managed
    return {"Type": "AWS::IAM::Role", "Properties": properties}
