"""Reserved and provisioned concurrency, scaling, the account's limits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.making import INSTANCES_MAX
from tapwater_server.clouds.aws.lambda_.names import LATEST, function_arn, read_function
from tapwater_server.clouds.aws.lambda_.protocol import answer, page, read_body
from tapwater_server.clouds.aws.lambda_.records import Function
from tapwater_server.clouds.aws.lambda_.refusals import invalid, refused, violated
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.showing import shown_time
from tapwater_server.ports.facts import Drop, Put

Args = Mapping[str, str]


async def reserve(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    count = _count(body, "ReservedConcurrentExecutions", least=0)
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    await room.changing.amend(
        asked.account, function.name, lambda now: replace(now, reserved=count)
    )
    return answer({"ReservedConcurrentExecutions": count})


async def show_reserved(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    if function.reserved is None:
        return answer({})
    return answer({"ReservedConcurrentExecutions": function.reserved})


async def release(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    await room.changing.amend(asked.account, function.name, lambda now: replace(now, reserved=None))
    return answer(status=204)


async def provision(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    count = _count(body, "ProvisionedConcurrentExecutions", least=1)
    function, qualifier, number = _qualified(room, asked, args)
    if count > INSTANCES_MAX or (function.reserved is not None and count > function.reserved):
        raise invalid(
            "Requested Provisioned Concurrency should not be greater than the "
            "reservedConcurrentExecution for function"
        )
    at = room.clock.now()
    key = records.key_of(function.name, qualifier)
    value = {"count": count, "version": number, "at": at}
    await room.store.change(asked.account, Put(kind=records.PROVISIONED, key=key, value=value))
    await _apply(room, asked, function)
    return answer(_shown(room, asked, function, qualifier, value), status=202)


async def show_provisioned(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    if asked.text("List") == "ALL":
        return await list_provisioned(room, asked, args)
    function, qualifier, _ = _qualified(room, asked, args)
    key = records.key_of(function.name, qualifier)
    fact = room.store.facts.get(asked.account.space, records.PROVISIONED, key)
    if fact is None:
        raise refused(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            404,
        )
    return answer(_shown(room, asked, function, qualifier, fact.value))


async def list_provisioned(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    facts = room.store.facts.list(
        asked.account.space, records.PROVISIONED, prefix=f"{function.name}:"
    )
    found, more = page(facts, asked, key=lambda fact: fact.key)
    shown = []
    for fact in found:
        qualifier = fact.key.partition(":")[2]
        arn = function_arn(asked.account, function.name, qualifier)
        line = _shown(room, asked, function, qualifier, fact.value)
        shown.append({"FunctionArn": arn, **line})
    return answer({"ProvisionedConcurrencyConfigs": shown, **more})


async def unprovision(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function, qualifier, _ = _qualified(room, asked, args)
    key = records.key_of(function.name, qualifier)
    await room.store.change(asked.account, Drop(kind=records.PROVISIONED, key=key))
    await _apply(room, asked, function)
    return answer(status=204)


async def show_account(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    functions = room.store.functions(asked.account)
    reserved = sum(function.reserved or 0 for function in functions)
    size = sum(
        version.code.size
        for function in functions
        for version in (function.latest, *room.store.versions(asked.account, function.name))
    )
    limit = {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": INSTANCES_MAX,
        "UnreservedConcurrentExecutions": max(0, INSTANCES_MAX - reserved),
    }
    usage = {"TotalCodeSize": size, "FunctionCount": len(functions)}
    return answer({"AccountLimit": limit, "AccountUsage": usage})


async def _apply(room: Room, asked: AwsAsked, function: Function) -> None:
    """Let each version have as many instances as its configs say together."""
    wanted: dict[str, int] = {}
    for fact in room.store.facts.list(
        asked.account.space, records.PROVISIONED, prefix=f"{function.name}:"
    ):
        number = str(fact.value["version"])
        wanted[number] = wanted.get(number, 0) + int(fact.value["count"])
    for version in room.store.versions(asked.account, function.name):
        count = wanted.get(version.number, 0)
        if count != version.instances_min:
            changed = replace(version, instances_min=count)
            await room.changing.remake(asked.account, function.name, changed)


def _qualified(room: Room, asked: AwsAsked, args: Args) -> tuple[Function, str, str]:
    """Give the function, the qualifier, and the version that it means."""
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    qualifier = asked.text("Qualifier") or ""
    if not qualifier:
        raise violated([(None, "qualifier", "Member must not be null")])
    if qualifier == LATEST:
        raise invalid(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    room.store.check_qualifier(asked.account, function, qualifier, latest=False)
    alias = room.store.alias(asked.account, function.name, qualifier)
    number = alias.version if alias is not None else qualifier
    if number == LATEST:
        raise invalid(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    return function, qualifier, number


def _shown(
    room: Room, asked: AwsAsked, function: Function, qualifier: str, value: Mapping[str, Any]
) -> dict[str, Any]:
    count = int(value["count"])
    version = room.store.version(asked.account, function, str(value["version"]))
    up = min(count, room.standing(version.revision)) if version is not None else 0
    return {
        "RequestedProvisionedConcurrentExecutions": count,
        "AvailableProvisionedConcurrentExecutions": up,
        "AllocatedProvisionedConcurrentExecutions": up,
        "Status": "READY" if up >= count else "IN_PROGRESS",
        "LastModified": shown_time(float(value["at"])),
    }


def _count(body: Mapping[str, Any], name: str, *, least: int) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        place = name[0].lower() + name[1:]
        must = f"Member must have value greater than or equal to {least}"
        raise violated([(value, place, must if value is not None else "Member must not be null")])
    return value
