"""Versions and aliases."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import (
    LATEST,
    check_alias,
    function_arn,
    is_version,
    no_function,
    read_function,
)
from tapwater_server.clouds.aws.lambda_.operations.functions import check_revision
from tapwater_server.clouds.aws.lambda_.protocol import answer, page, read_body
from tapwater_server.clouds.aws.lambda_.records import Alias, Function
from tapwater_server.clouds.aws.lambda_.refusals import (
    conflict,
    invalid,
    missing,
    refused,
    stale,
)
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.showing import (
    show_alias,
    show_configuration,
    shown_digest,
)
from tapwater_server.ports.facts import Drop, Put

Args = Mapping[str, str]


async def publish(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    function = room.store.function(asked.account, read_function(args["FunctionName"]))

    def check(now: Function) -> None:
        check_revision(body, now.latest)
        digest = body.get("CodeSha256")
        if digest and digest != shown_digest(now.latest.code.zip):
            raise invalid(
                f"CodeSHA256 ({digest}) is different from current CodeSHA256 in $LATEST "
                f"({shown_digest(now.latest.code.zip)}). Please try again with the CodeSHA256 in "
                "$LATEST."
            )

    version = await room.changing.publish(
        asked.account, function.name, body.get("Description") or None, check
    )
    return answer(show_configuration(asked.account, function, version), status=201)


async def list_versions(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    every = [function.latest, *room.store.versions(asked.account, function.name)]
    found, more = page(every, asked, key=lambda version: version.number)
    shown = [
        show_configuration(asked.account, function, version, qualified=True) for version in found
    ]
    return answer({"Versions": shown, **more})


async def create_alias(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    name = check_alias(str(body.get("Name") or ""))
    if room.store.alias(asked.account, function.name, name) is not None:
        arn = function_arn(asked.account, function.name, name)
        raise conflict(f"Alias already exists: {arn}")
    alias = Alias(
        name=name,
        version=_version(room, asked, function, body.get("FunctionVersion")),
        weights=_weights(room, asked, function, body.get("RoutingConfig")),
        description=str(body.get("Description") or ""),
        id=room.changing.fresh(),
    )
    _check_weights(alias)
    put = _put(function, alias, version=0)
    await room.store.change(asked.account, put)
    await room.changing.tidy(asked.account, function.name)
    return answer(show_alias(asked.account, function.name, alias), status=201)


async def show(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function, alias = _found(room, asked, args)
    return answer(show_alias(asked.account, function.name, alias))


async def list_aliases(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    wanted = asked.text("FunctionVersion")
    every = [
        alias
        for alias in room.store.aliases(asked.account, function.name)
        if wanted in (None, alias.version) or wanted in alias.weights
    ]
    found, more = page(every, asked, key=lambda alias: alias.name)
    shown = [show_alias(asked.account, function.name, alias) for alias in found]
    return answer({"Aliases": shown, **more})


async def update_alias(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    function, alias = _found(room, asked, args)
    if body.get("RevisionId") and body["RevisionId"] != alias.id:
        raise stale()
    version, weights, said = alias.version, alias.weights, alias.description
    if body.get("FunctionVersion"):
        version = _version(room, asked, function, body["FunctionVersion"])
    if body.get("RoutingConfig") is not None:
        weights = _weights(room, asked, function, body["RoutingConfig"])
    if body.get("Description") is not None:
        said = str(body["Description"])
    changed = Alias(
        name=alias.name,
        version=version,
        weights=weights,
        description=said,
        id=room.changing.fresh(),
    )
    _check_weights(changed)
    await room.store.change(asked.account, _put(function, changed))
    await room.changing.tidy(asked.account, function.name)
    return answer(show_alias(asked.account, function.name, changed))


async def remove_alias(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    name = args["Name"]
    if room.store.alias(asked.account, function.name, name) is not None:
        drop = Drop(kind=records.ALIAS, key=records.key_of(function.name, name))
        steps = room.store.drop_qualified(asked.account, function.name, name)
        await room.store.change(asked.account, drop, *steps)
        await room.changing.tidy(asked.account, function.name)
    return answer(status=204)


def _found(room: Room, asked: AwsAsked, args: Args) -> tuple[Function, Alias]:
    function = room.store.function(asked.account, read_function(args["FunctionName"]))
    alias = room.store.alias(asked.account, function.name, args["Name"])
    if alias is None:
        arn = function_arn(asked.account, function.name, args["Name"])
        raise missing(f"Cannot find alias arn: {arn}")
    return function, alias


def _put(function: Function, alias: Alias, *, version: int | None = None) -> Put:
    return Put(
        kind=records.ALIAS,
        key=records.key_of(function.name, alias.name),
        value=records.alias_value(alias),
        version=version,
    )


def _version(room: Room, asked: AwsAsked, function: Function, said: object) -> str:
    """Check the version that an alias is to name."""
    number = str(said or "")
    if number != LATEST and not is_version(number):
        raise refused(
            "ValidationException",
            f"1 validation error detected: Value '{number[:80]}' at 'functionVersion' failed to "
            "satisfy constraint: Member must satisfy regular expression pattern: "
            "(\\$LATEST|[0-9]+)",
        )
    if room.store.version(asked.account, function, number) is None:
        raise no_function(asked.account, function.name, number)
    return number


def _weights(room: Room, asked: AwsAsked, function: Function, said: Any) -> Mapping[str, float]:
    table = (said or {}).get("AdditionalVersionWeights") if isinstance(said, dict) else None
    if not table:
        return {}
    if not isinstance(table, dict) or len(table) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    weights = {}
    for number, weight in table.items():
        if number == LATEST:
            raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
        wrong = isinstance(weight, bool) or not isinstance(weight, int | float)
        if wrong or not 0 <= weight <= 1:
            raise invalid("Weights must be between 0.0 and 1.0")
        weights[_version(room, asked, function, number)] = float(weight)
    return weights


def _check_weights(alias: Alias) -> None:
    if not alias.weights:
        return
    if alias.version == LATEST:
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if alias.version in alias.weights:
        raise invalid(
            f"Invalid function version {alias.version}. Function version {alias.version} is "
            "already included in routing configuration."
        )
