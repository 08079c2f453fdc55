"""AWS::CloudFormation::Stack, WaitConditionHandle; what means nothing here (CDK's metadata)."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, is_gone, tag_list
from tapwater_server.clouds.aws.cloudformation.troubles import Failed

_FORMATION = "cloudformation"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


async def _settled(doing: Doing, id: str, good: tuple[str, ...]) -> Made:
    seen: Mapping[str, Any] = {}

    async def ready() -> bool:
        nonlocal seen
        answer = await doing.call(_FORMATION, "DescribeStacks", StackName=id)
        seen = answer["Stacks"][0]
        return not str(seen["StackStatus"]).endswith("_IN_PROGRESS")

    await doing.wait(ready)
    if seen["StackStatus"] not in good:
        why = seen.get("StackStatusReason", "")
        raise Failed(f"Embedded stack {id} was not successfully made: {seen['StackStatus']} {why}")
    outputs = {one["OutputKey"]: one["OutputValue"] for one in seen.get("Outputs", [])}
    return Made(id=id, attributes={f"Outputs.{name}": value for name, value in outputs.items()})


def _given(doing: Doing) -> dict[str, object]:
    parameters = doing.want.get("Parameters") or {}
    return {
        "TemplateURL": doing.want["TemplateURL"],
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": _listed(value)}
            for name, value in parameters.items()
        ],
        "Tags": tag_list(doing.want, doing.tags),
        "Capabilities": _CAPABILITIES,
    }


def _listed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


async def _create(doing: Doing) -> Made:
    name = doing.name("", length_max=128)
    if doing.again:
        await _delete_stack(doing, name)
    found = await doing.call(_FORMATION, "CreateStack", StackName=name, **_given(doing))
    await doing.begun(str(found["StackId"]))
    return await _settled(doing, str(found["StackId"]), ("CREATE_COMPLETE",))


async def _update(doing: Doing) -> Made:
    good: tuple[str, ...] = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    try:
        await doing.call(_FORMATION, "UpdateStack", StackName=doing.id, **_given(doing))
    except AwsError as error:
        if "No updates" not in error.message:
            raise
        good += ("UPDATE_ROLLBACK_COMPLETE",)
    return await _settled(doing, doing.id, good)


async def _delete(doing: Doing) -> None:
    await _delete_stack(doing, doing.id)


async def _delete_stack(doing: Doing, id: str) -> None:
    try:
        await doing.call(_FORMATION, "DeleteStack", StackName=id)
        await _settled(doing, id, ("DELETE_COMPLETE",))
    except AwsError as error:
        if not is_gone(error) and "does not exist" not in error.message:
            raise


async def _create_nothing(doing: Doing) -> Made:
    return Made(id=doing.id or f"{doing.stack}-{doing.logical}-{doing.token}")


async def _delete_nothing(doing: Doing) -> None:
    return


KINDS = (
    Kind(
        type="AWS::CloudFormation::Stack",
        create=_create,
        update=_update,
        delete=_delete,
        takes=frozenset({"TemplateURL", "Parameters", "Tags"}),
        ignored=frozenset({"NotificationARNs", "TimeoutInMinutes"}),
    ),
    Kind(
        type="AWS::CloudFormation::WaitConditionHandle",
        create=_create_nothing,
        update=_create_nothing,
        delete=_delete_nothing,
    ),
    Kind(
        type="AWS::CDK::Metadata",
        create=_create_nothing,
        update=_create_nothing,
        delete=_delete_nothing,
        takes=frozenset({"Analytics"}),
    ),
)
