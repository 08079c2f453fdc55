"""AddPermission and RemovePermission: statements of the queue's policy. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.sqs.errors import invalid_value, missing

ACTIONS_MAX = 7
_VERSION = "2012-10-17"
_ACTIONS = frozenset(
    {
        "*",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
    }
)


def granted(
    policy: str,
    *,
    label: str,
    accounts: Sequence[str],
    actions: Sequence[str],
    queue_arn: str,
) -> str:
    """Add a statement to a policy.

    Raises:
        AwsError: it is malformed, or its label is taken.
    """
    _check(label, accounts, actions)
    said = _read(policy, queue_arn)
    statements = said["Statement"]
    if any(one.get("Sid") == label for one in statements):
        raise invalid_value(label, "Label", "Already exists.")
    statements.append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": _one_or_all([f"arn:aws:iam::{one}:root" for one in accounts])},
            "Action": _one_or_all([f"SQS:{one}" for one in actions]),
            "Resource": queue_arn,
        }
    )
    return msgspec.json.encode(said).decode()


def revoked(policy: str, *, label: str) -> str:
    """Take a statement out of a policy; a policy without any is none.

    Raises:
        AwsError: there is no such statement.
    """
    said = _read(policy, "")
    left = [one for one in said["Statement"] if one.get("Sid") != label]
    if len(left) == len(said["Statement"]):
        reason = "can't find label on existing policy."
        raise invalid_value(label, "Label", reason)
    return msgspec.json.encode({**said, "Statement": left}).decode() if left else ""


def _check(label: str, accounts: Sequence[str], actions: Sequence[str]) -> None:
    if not label or not actions:
        raise missing("Actions" if label else "Label")
    if len(actions) > ACTIONS_MAX:
        raise AwsError(
            "OverLimit",
            f"{len(actions)} Actions were found, maximum allowed is {ACTIONS_MAX}.",
            403,
        )
    for action in actions:
        if action not in _ACTIONS:
            reason = "Only the queue owner is allowed to invoke this action."
            raise invalid_value(f"SQS:{action}", "ActionName", reason)
    bad = [one for one in accounts if not (one.isdigit() and len(one) == 12)]
    if bad or not accounts:
        raise invalid_value(f"[{', '.join(bad)[:64]}]", "PrincipalId", "Unable to verify.")


def _read(policy: str, queue_arn: str) -> dict[str, Any]:
    if not policy:
        return {
            "Version": _VERSION,
            "Id": f"{queue_arn}/SQSDefaultPolicy",
            "Statement": [],
        }
    said = msgspec.json.decode(policy)
    statements = said.get("Statement", [])
    found = statements if isinstance(statements, list) else [statements]
    return {**said, "Statement": [one for one in found if isinstance(one, dict)]}


def _one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
