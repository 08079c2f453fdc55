"""What may be said of a schedule. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import Account, Arn, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.protocol.service import Params
from tapwater_server.clouds.aws.rules.expressions import (
    BadExpression,
    Once,
    moment_of,
    read_expression,
)
from tapwater_server.clouds.aws.scheduler.records import ENABLED, Planned
from tapwater_server.model.cron import zone_named

SERVICES = frozenset({"lambda", "sqs", "sns", "events"})
WINDOW_MINUTES_MAX = 1_440
# Universal targets name an operation of an API; those that hand something over are known.
UNIVERSAL: Mapping[str, tuple[str, str, str]] = {
    "arn:aws:scheduler:::aws-sdk:sqs:sendMessage": ("sqs", "QueueUrl", "MessageBody"),
    "arn:aws:scheduler:::aws-sdk:sns:publish": ("sns", "TopicArn", "Message"),
    "arn:aws:scheduler:::aws-sdk:lambda:invoke": ("lambda", "FunctionName", "Payload"),
}
_OTHERS = ("EcsParameters", "KinesisParameters", "SageMakerPipelineParameters")
NAME = re.compile(r"[0-9A-Za-z_.\-]{1,64}")


def invalid(message: str) -> AwsError:
    """Say what cannot be."""
    return AwsError("ValidationException", message, 400)


def planned_of(
    params: Params, account: Account, *, before: Planned | None, id: str, now: float
) -> Planned:
    """Make a schedule of what is said. What is not said is not kept from before, as in AWS.

    Raises:
        AwsError: something is wrong with it.
    """
    if not NAME.fullmatch(params["Name"]):
        raise invalid("Name may have letters, digits, dots, dashes and underscores.")
    target = _target(params["Target"], account)
    window = params["FlexibleTimeWindow"]
    made = Planned(
        id=id,
        name=params["Name"],
        group=params.get("GroupName") or "default",
        account=account.id,
        region=account.region,
        expression=params["ScheduleExpression"],
        zone=params.get("ScheduleExpressionTimezone") or "UTC",
        starts_at=params.get("StartDate"),
        ends_at=params.get("EndDate"),
        window_minutes=_window(window),
        state=params.get("State") or ENABLED,
        description=params.get("Description") or "",
        key=params.get("KmsKeyArn") or "",
        target=target,
        after=params.get("ActionAfterCompletion") or "NONE",
        made_at=now,
        changed_at=now,
        since=now,
    )
    _check_times(made, now)
    if before is None:
        return made
    made = replace(made, made_at=before.made_at)
    return replace(made, id=before.id, since=before.since) if _same(made, before) else made


def _same(made: Planned, before: Planned) -> bool:
    """Say whether it goes on with the same times."""
    return all(
        getattr(made, name) == getattr(before, name)
        for name in ("expression", "zone", "starts_at", "ends_at", "state")
    )


def _window(said: Mapping[str, Any]) -> int:
    minutes = said.get("MaximumWindowInMinutes")
    if said["Mode"] == "OFF":
        if minutes is not None:
            raise invalid("MaximumWindowInMinutes must not be set for the mode OFF.")
        return 0
    if minutes is None or not 1 <= minutes <= WINDOW_MINUTES_MAX:
        raise invalid(f"MaximumWindowInMinutes is from 1 to {WINDOW_MINUTES_MAX}.")
    return int(minutes)


def _check_times(planned: Planned, now: float) -> None:
    try:
        expression = read_expression(planned.expression, once=True)
    except BadExpression as error:
        raise invalid(f"Invalid Schedule Expression {planned.expression[:200]}: {error}.") from None
    try:
        zone = zone_named(planned.zone)
    except ValueError:
        raise invalid(f"Invalid ScheduleExpressionTimezone {planned.zone[:64]}.") from None
    if isinstance(expression, Once):
        try:
            moment_of(expression, zone)
        except (ValueError, OverflowError):
            raise invalid(f"Invalid Schedule Expression {planned.expression[:200]}.") from None
        return
    if planned.ends_at is not None and planned.ends_at <= now:
        raise invalid("The EndDate you specify must be in the future.")
    if (
        planned.starts_at is not None
        and planned.ends_at is not None
        and planned.starts_at >= planned.ends_at
    ):
        raise invalid("The StartDate must come before the EndDate.")


def _target(said: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """Check where it goes.

    Raises:
        AwsError: nothing can be sent there.
    """
    arn = parse_arn(said["Arn"])
    if arn is None:
        raise invalid(f"Provided Arn {said['Arn'][:200]} is not in correct format.")
    for name in _OTHERS:
        if said.get(name):
            raise invalid(f"{name} is not offered by this platform.")
    if said["Arn"] in UNIVERSAL:
        _check_universal(said)
        return dict(said)
    _check_place(said, arn, account)
    return dict(said)


def _check_place(said: Mapping[str, Any], arn: Arn, account: Account) -> None:
    if arn.service not in SERVICES:
        raise invalid(
            f"Targets of {arn.service} are not offered by this platform: Lambda functions, SQS "
            "queues, SNS topics and event buses are."
        )
    if arn.account != account.id:
        raise invalid("Targets of other accounts are not offered by this platform.")
    if arn.service == "sqs" and arn.resource.endswith(".fifo") and not _group(said):
        raise invalid("SqsParameters with a MessageGroupId must be given for a FIFO queue.")
    if arn.service == "events" and not said.get("EventBridgeParameters"):
        raise invalid("EventBridgeParameters must be given for an event bus.")


def _group(said: Mapping[str, Any]) -> str:
    return str((said.get("SqsParameters") or {}).get("MessageGroupId") or "")


def _check_universal(said: Mapping[str, Any]) -> None:
    _, where, _ = UNIVERSAL[said["Arn"]]
    try:
        given = json.loads(said.get("Input") or "{}")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or not isinstance(given.get(where), str):
        raise invalid(f"Input of this target must be JSON with a {where}.")
