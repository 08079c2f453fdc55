"""AWS::Events::Rule, EventBus and EventBusPolicy; AWS::Scheduler::Schedule and ScheduleGroup."""

import json
from typing import Any

from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Kind,
    Made,
    pick,
    tag_list,
)

_RULE = ("Description", "ScheduleExpression", "State", "RoleArn", "EventBusName")


async def _put_rule(doing: Doing) -> Made:
    name = doing.id or doing.name("Name")
    name = name.rpartition("|")[2]
    pattern = doing.want.get("EventPattern")
    found = await doing.call(
        "events",
        "PutRule",
        Name=name,
        EventPattern=json.dumps(pattern) if isinstance(pattern, dict) else pattern,
        **pick(doing.want, *_RULE),
    )
    bus = pick(doing.want, "EventBusName")
    id = f"{bus['EventBusName']}|{name}" if bus else name
    if not doing.id:
        await doing.begun(id)
    await _set_targets(doing, name, bus)
    return Made(id=id, attributes={"Arn": found["RuleArn"]})


async def _set_targets(doing: Doing, name: str, bus: dict[str, Any]) -> None:
    targets = doing.want.get("Targets") or []
    kept = {str(target["Id"]) for target in targets}
    lost = [str(one["Id"]) for one in doing.had.get("Targets") or [] if str(one["Id"]) not in kept]
    if lost:
        await doing.forget("events", "RemoveTargets", Rule=name, Ids=lost, **bus)
    if targets:
        await doing.call("events", "PutTargets", Rule=name, Targets=targets, **bus)


async def _delete_rule(doing: Doing) -> None:
    name, bus = doing.id.rpartition("|")[2], pick(doing.want, "EventBusName")
    ids = [str(target["Id"]) for target in doing.want.get("Targets") or []]
    if ids:
        await doing.forget("events", "RemoveTargets", Rule=name, Ids=ids, **bus)
    await doing.forget("events", "DeleteRule", Name=name, **bus)


async def _create_bus(doing: Doing) -> Made:
    name = str(doing.want["Name"])
    found = await doing.call(
        "events",
        "CreateEventBus",
        Name=name,
        Tags=tag_list(doing.want, doing.tags) or None,
        **pick(doing.want, "Description"),
    )
    return Made(id=name, attributes={"Arn": found["EventBusArn"], "Name": name})


async def _delete_bus(doing: Doing) -> None:
    await doing.forget("events", "DeleteEventBus", Name=doing.id)


async def _permit(doing: Doing) -> Made:
    statement = doing.want.get("Statement")
    policy = None
    if statement is not None:
        said = {**statement, "Sid": doing.want["StatementId"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [said]})
    await doing.call(
        "events",
        "PutPermission",
        Policy=policy,
        **pick(doing.want, "EventBusName", *(() if policy else ("Action", "Principal"))),
        **(pick(doing.want, "StatementId") if policy is None else {}),
    )
    return Made(id=str(doing.want["StatementId"]))


async def _forbid(doing: Doing) -> None:
    await doing.forget(
        "events", "RemovePermission", StatementId=doing.id, **pick(doing.want, "EventBusName")
    )


_SCHEDULE = (
    *("Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn"),
    *("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "State", "Target"),
)


async def _put_schedule(doing: Doing, operation: str) -> Made:
    name = doing.id or doing.name("Name")
    found = await doing.call("scheduler", operation, Name=name, **pick(doing.want, *_SCHEDULE))
    return Made(id=name, attributes={"Arn": found["ScheduleArn"]})


async def _create_schedule(doing: Doing) -> Made:
    return await _put_schedule(doing, "CreateSchedule")


async def _update_schedule(doing: Doing) -> Made:
    return await _put_schedule(doing, "UpdateSchedule")


async def _delete_schedule(doing: Doing) -> None:
    await doing.forget(
        "scheduler", "DeleteSchedule", Name=doing.id, **pick(doing.want, "GroupName")
    )


async def _create_group(doing: Doing) -> Made:
    name = doing.name("Name")
    found = await doing.call("scheduler", "CreateScheduleGroup", Name=name)
    return Made(id=name, attributes={"Arn": found["ScheduleGroupArn"], "State": "ACTIVE"})


async def _delete_group(doing: Doing) -> None:
    await doing.forget("scheduler", "DeleteScheduleGroup", Name=doing.id)


KINDS = (
    Kind(
        type="AWS::Events::Rule",
        create=_put_rule,
        update=_put_rule,
        delete=_delete_rule,
        takes=frozenset({"Name", "EventPattern", "Targets", *_RULE}),
        ignored=frozenset({"Tags"}),
        replaced=frozenset({"Name", "EventBusName"}),
        named="Name",
    ),
    Kind(
        type="AWS::Events::EventBus",
        create=_create_bus,
        delete=_delete_bus,
        takes=frozenset({"Name", "Description", "Tags"}),
    ),
    Kind(
        type="AWS::Events::EventBusPolicy",
        create=_permit,
        delete=_forbid,
        takes=frozenset({"StatementId", "Statement", "EventBusName", "Action", "Principal"}),
    ),
    Kind(
        type="AWS::Scheduler::Schedule",
        create=_create_schedule,
        update=_update_schedule,
        delete=_delete_schedule,
        takes=frozenset({"Name", *_SCHEDULE}),
        replaced=frozenset({"Name", "GroupName"}),
        named="Name",
    ),
    Kind(
        type="AWS::Scheduler::ScheduleGroup",
        create=_create_group,
        delete=_delete_group,
        takes=frozenset({"Name"}),
        ignored=frozenset({"Tags"}),
        named="Name",
    ),
)
