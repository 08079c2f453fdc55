"""Targets of rules: added, changed, listed, removed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.events.records import bus_name
from tapwater_server.clouds.aws.events.refusals import invalid
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.clouds.aws.events.transforming import BadInput, check_path, check_template
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.shapes.paging import page_of

TARGETS_MAX = 100  # Of one rule.
PAGE_MAX = 100
SERVICES = frozenset({"lambda", "sqs", "sns", "events", "logs"})
_INPUTS = ("Input", "InputPath", "InputTransformer")
# What belongs to targets that we do not have.
_OTHERS = (
    "EcsParameters",
    "BatchParameters",
    "KinesisParameters",
    "RunCommandParameters",
    "HttpParameters",
    "RedshiftDataParameters",
    "SageMakerPipelineParameters",
    "AppSyncParameters",
)


class TargetsOfRules:
    """Answers what is asked of them."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "PutTargets": self._put,
            "ListTargetsByRule": self._list,
            "RemoveTargets": self._remove,
        }

    async def _put(self, asked: AwsAsked, params: Params) -> Given:
        rule = self._store.find_rule(
            asked.account, bus_name(params.get("EventBusName")), params["Rule"]
        )
        targets, failed = dict(rule.targets), list[dict[str, Any]]()
        for target in params["Targets"]:
            try:
                check_target(target, asked.account)
            except AwsError as error:
                failed.append(_failed(target["Id"], error))
            else:
                targets[target["Id"]] = dict(target)
        if len(targets) > TARGETS_MAX:
            raise AwsError(
                "LimitExceededException", f"A rule has at most {TARGETS_MAX} targets.", 400
            )
        await self._store.put_rule(asked.account, replace(rule, targets=targets))
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    async def _list(self, asked: AwsAsked, params: Params) -> Given:
        rule = self._store.find_rule(
            asked.account, bus_name(params.get("EventBusName")), params["Rule"]
        )
        page, token = page_of(
            sorted(rule.targets.items()),
            lambda one: one[0],
            token=params.get("NextToken"),
            count_max=params.get("Limit") or PAGE_MAX,
        )
        return {"Targets": [target for _, target in page], "NextToken": token}

    async def _remove(self, asked: AwsAsked, params: Params) -> Given:
        rule = self._store.find_rule(
            asked.account, bus_name(params.get("EventBusName")), params["Rule"]
        )
        gone = set(params["Ids"])
        kept = {id: target for id, target in rule.targets.items() if id not in gone}
        await self._store.put_rule(asked.account, replace(rule, targets=kept))
        return {"FailedEntryCount": 0, "FailedEntries": []}


def check_target(target: Mapping[str, Any], account: Account) -> None:
    """Refuse a target that nothing can be sent to as it says.

    Raises:
        AwsError: it is one.
    """
    arn = parse_arn(target["Arn"])
    if arn is None:
        raise invalid(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not valid.")
    if arn.service not in SERVICES or arn.resource.startswith(("api-destination", "connection")):
        raise invalid(
            f"Targets of {arn.service} are not offered by this platform: Lambda functions, SQS "
            "queues, SNS topics, event buses and log groups are."
        )
    if arn.account != account.id:
        raise invalid("Targets of other accounts are not offered by this platform.")
    for name in _OTHERS:
        if target.get(name):
            raise invalid(f"{name} is not offered by this platform.")
    if arn.service == "sqs" and arn.resource.endswith(".fifo"):
        _check_group(target)
    _check_input(target)


def _check_group(target: Mapping[str, Any]) -> None:
    if not (target.get("SqsParameters") or {}).get("MessageGroupId"):
        raise invalid(f"Parameter(s) SqsParameters must be specified for target: {target['Id']}.")


def _check_input(target: Mapping[str, Any]) -> None:
    if sum(name in target for name in _INPUTS) > 1:
        raise invalid("Only one of Input, InputPath, or InputTransformer must be provided.")
    try:
        if "InputPath" in target:
            check_path(target["InputPath"])
        if "InputTransformer" in target:
            said = target["InputTransformer"]
            check_template(said["InputTemplate"], said.get("InputPathsMap") or {})
    except BadInput as error:
        raise invalid(str(error)) from None


def _failed(id: str, error: AwsError) -> dict[str, str]:
    return {"TargetId": id, "ErrorCode": error.code, "ErrorMessage": error.message}
