"""What happens with calls that nobody waits for: EventInvokeConfig."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.account import parse_arn
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import LATEST, function_arn, read_qualified
from tapwater_server.clouds.aws.lambda_.protocol import answer, page, read_body
from tapwater_server.clouds.aws.lambda_.refusals import invalid, missing, violated
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.ports.facts import Drop, Fact, Put

Args = Mapping[str, str]
_AGE = ("MaximumEventAgeInSeconds", 60, 21_600)
_ATTEMPTS = ("MaximumRetryAttempts", 0, 2)


async def put(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    return await _keep(room, asked, args, _checked(body))


async def update(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    fact = _found(room, asked, args)
    kept = {name: value for name, value in fact.value.items() if name != "LastModified"}
    return await _keep(room, asked, args, {**kept, **_checked(body)})


async def show(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    return answer(_shown(asked, _found(room, asked, args)))


async def remove(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    fact = _found(room, asked, args)
    await room.store.change(asked.account, Drop(kind=records.EVENT_CONFIG, key=fact.key))
    return answer(status=204)


async def list_all(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    reference = read_qualified(args["FunctionName"], None)
    function = room.store.function(asked.account, reference)
    facts = room.store.facts.list(
        asked.account.space, records.EVENT_CONFIG, prefix=f"{function.name}:"
    )
    found, more = page(facts, asked, key=lambda fact: fact.key)
    return answer({"FunctionEventInvokeConfigs": [_shown(asked, fact) for fact in found], **more})


def _key(room: Room, asked: AwsAsked, args: Args) -> str:
    reference = read_qualified(args["FunctionName"], asked.text("Qualifier"))
    function = room.store.function(asked.account, reference)
    room.store.check_qualifier(asked.account, function, reference.qualifier)
    return records.key_of(function.name, reference.qualifier or LATEST)


def _found(room: Room, asked: AwsAsked, args: Args) -> Fact:
    key = _key(room, asked, args)
    fact = room.store.facts.get(asked.account.space, records.EVENT_CONFIG, key)
    if fact is None:
        name, _, qualifier = key.partition(":")
        arn = function_arn(asked.account, name, qualifier)
        raise missing(f"The function {arn} doesn't have an EventInvokeConfig")
    return fact


async def _keep(room: Room, asked: AwsAsked, args: Args, config: Mapping[str, Any]) -> AwsAnswer:
    key = _key(room, asked, args)
    value = {**config, "LastModified": round(room.clock.now(), 3)}
    await room.store.change(asked.account, Put(kind=records.EVENT_CONFIG, key=key, value=value))
    fact = room.store.facts.get(asked.account.space, records.EVENT_CONFIG, key)
    assert fact is not None
    return answer(_shown(asked, fact))


def _shown(asked: AwsAsked, fact: Fact) -> Mapping[str, Any]:
    name, _, qualifier = fact.key.partition(":")
    arn = function_arn(asked.account, name, qualifier)
    return {
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
        **fact.value,
        "FunctionArn": arn,
    }


def _checked(body: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, least, most in (_AGE, _ATTEMPTS):
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            place = name[0].lower() + name[1:]
            raise violated([(value, place, f"Member must have value between {least} and {most}")])
        config[name] = value
    if body.get("DestinationConfig") is not None:
        config["DestinationConfig"] = _destinations(body["DestinationConfig"])
    if not config:
        raise invalid("You must specify at least one of error handling or destination setting.")
    return config


def _destinations(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise invalid("DestinationConfig must be an object")
    found: dict[str, Any] = {}
    for when in ("OnSuccess", "OnFailure"):
        arn = (said.get(when) or {}).get("Destination")
        if arn is None or arn == "":
            found[when] = {}
            continue
        parsed = parse_arn(str(arn))
        if parsed is None or parsed.service not in ("sqs", "sns", "lambda", "events", "s3"):
            raise invalid(
                f"The provided destination config DestinationConfig({when}) is invalid: "
                f"{str(arn)[:200]}"
            )
        found[when] = {"Destination": arn}
    return found
