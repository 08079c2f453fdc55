"""Settings that are kept and shown: runtime management, recursion, code signing."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import (
    LATEST,
    function_arn,
    read_function,
    read_qualified,
)
from tapwater_server.clouds.aws.lambda_.protocol import answer, page, read_body
from tapwater_server.clouds.aws.lambda_.refusals import (
    conflict,
    invalid,
    not_here,
    refused,
    violated,
)
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.showing import shown_time
from tapwater_server.clouds.aws.lambda_.signing import read_policy
from tapwater_server.ports.facts import Drop, Fact, Put

Args = Mapping[str, str]
_RUNTIMES = ("Auto", "Manual", "FunctionUpdate")
_LOOPS = ("Allow", "Terminate")


async def manage_runtime(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    reference = read_qualified(args["FunctionName"], asked.text("Qualifier"))
    function = room.store.function(asked.account, reference)
    room.store.check_qualifier(asked.account, function, reference.qualifier)
    mode = _choice(body, "UpdateRuntimeOn", _RUNTIMES)
    if mode == "Manual" and not body.get("RuntimeVersionArn"):
        raise invalid("RuntimeVersionArn is required when UpdateRuntimeOn is Manual")
    qualifier = reference.qualifier or LATEST
    kept = {"mode": mode, "arn": body.get("RuntimeVersionArn") or ""}
    changed = await room.changing.amend(
        asked.account,
        function.name,
        lambda now: replace(now, runtimes={**now.runtimes, qualifier: kept}),
    )
    return answer(_managed(asked, changed.name, qualifier, kept))


async def show_runtime(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    reference = read_qualified(args["FunctionName"], asked.text("Qualifier"))
    function = room.store.function(asked.account, reference)
    room.store.check_qualifier(asked.account, function, reference.qualifier)
    qualifier = reference.qualifier or LATEST
    kept = function.runtimes.get(qualifier) or {"mode": "Auto", "arn": ""}
    return answer(_managed(asked, function.name, qualifier, kept))


async def put_recursion(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    loop = _choice(body, "RecursiveLoop", _LOOPS)
    await room.changing.amend(
        asked.account, function.name, lambda now: replace(now, recursion=loop)
    )
    return answer({"RecursiveLoop": loop})


async def show_recursion(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    return answer({"RecursiveLoop": function.recursion})


async def create_signing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    publishers = (body.get("AllowedPublishers") or {}).get("SigningProfileVersionArns")
    if not isinstance(publishers, list) or not publishers:
        raise violated([(None, "allowedPublishers", "Member must not be null")])
    id = "csc-" + sha256(room.ids.secret().encode()).hexdigest()[:17]
    value = {
        "CodeSigningConfigId": id,
        "CodeSigningConfigArn": asked.account.arn("lambda", f"code-signing-config:{id}"),
        "Description": str(body.get("Description") or ""),
        "AllowedPublishers": {"SigningProfileVersionArns": publishers},
        "CodeSigningPolicies": read_policy(body.get("CodeSigningPolicies")),
        "LastModified": shown_time(room.clock.now()),
    }
    await room.store.change(asked.account, Put(kind=records.SIGNING, key=id, value=value))
    return answer({"CodeSigningConfig": value}, status=201)


async def show_signing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    return answer({"CodeSigningConfig": _signing(room, asked, args).value})


async def update_signing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    fact = _signing(room, asked, args)
    value = dict(fact.value)
    if body.get("Description") is not None:
        value["Description"] = str(body["Description"])
    if body.get("AllowedPublishers"):
        value["AllowedPublishers"] = body["AllowedPublishers"]
    if body.get("CodeSigningPolicies"):
        value["CodeSigningPolicies"] = read_policy(body["CodeSigningPolicies"])
    value["LastModified"] = shown_time(room.clock.now())
    await room.store.change(asked.account, Put(kind=records.SIGNING, key=fact.key, value=value))
    return answer({"CodeSigningConfig": value})


async def remove_signing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    fact = _signing(room, asked, args)
    arn = fact.value["CodeSigningConfigArn"]
    if any(function.signing == arn for function in room.store.functions(asked.account)):
        raise conflict("Cannot delete code signing config because it is attached to a function")
    await room.store.change(asked.account, Drop(kind=records.SIGNING, key=fact.key))
    return answer(status=204)


async def list_signing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    facts = room.store.facts.list(asked.account.space, records.SIGNING)
    found, more = page(facts, asked, key=lambda fact: fact.key)
    return answer({"CodeSigningConfigs": [fact.value for fact in found], **more})


async def list_signed(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    arn = _signing(room, asked, args).value["CodeSigningConfigArn"]
    every = [one for one in room.store.functions(asked.account) if one.signing == arn]
    found, more = page(every, asked, key=lambda function: function.name)
    arns = [function_arn(asked.account, function.name) for function in found]
    return answer({"FunctionArns": arns, **more})


async def attach_signing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    said = {"CodeSigningConfigArn": str(body.get("CodeSigningConfigArn") or "")}
    arn = _signing(room, asked, said).value["CodeSigningConfigArn"]
    await room.changing.amend(asked.account, function.name, lambda now: replace(now, signing=arn))
    return answer({"CodeSigningConfigArn": arn, "FunctionName": function.name})


async def show_attached(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    if not function.signing:
        return answer({"FunctionName": function.name})
    return answer({"CodeSigningConfigArn": function.signing, "FunctionName": function.name})


async def detach_signing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    await room.changing.amend(asked.account, function.name, lambda now: replace(now, signing=""))
    return answer(status=204)


async def list_nothing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    """There are no capacity providers here, and so none is listed."""
    return answer({"CapacityProviders": []})


async def offer_nothing(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    raise not_here("Managed instances have no place where instances are processes.")


def _signing(room: Room, asked: AwsAsked, args: Args) -> Fact:
    arn = args["CodeSigningConfigArn"]
    fact = room.store.facts.get(asked.account.space, records.SIGNING, arn.rpartition(":")[2])
    if fact is None or fact.value["CodeSigningConfigArn"].split(":")[4:] != arn.split(":")[4:]:
        raise refused(
            "CodeSigningConfigNotFoundException",
            f"The code signing configuration cannot be found. ({arn[:200]})",
            404,
        )
    return fact


def _choice(body: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = body.get(name)
    if value not in choices:
        must = f"Member must satisfy enum value set: [{', '.join(choices)}]"
        raise violated([(value, name[0].lower() + name[1:], must)])
    return str(value)


def _managed(asked: AwsAsked, name: str, qualifier: str, kept: Mapping[str, str]) -> dict[str, Any]:
    named = "" if qualifier == LATEST else qualifier
    shown = {
        "UpdateRuntimeOn": kept["mode"],
        "FunctionArn": function_arn(asked.account, name, named or LATEST),
    }
    return {**shown, "RuntimeVersionArn": kept["arn"]} if kept["arn"] else shown
