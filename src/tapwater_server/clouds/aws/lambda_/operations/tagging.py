"""Tags of functions, mappings and signing configs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import parse_arn
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.making import EGRESS_TAG, TAGS, read_egress
from tapwater_server.clouds.aws.lambda_.names import read_function
from tapwater_server.clouds.aws.lambda_.protocol import answer, read_body
from tapwater_server.clouds.aws.lambda_.records import Function
from tapwater_server.clouds.aws.lambda_.refusals import invalid
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.settings import check_tags
from tapwater_server.clouds.aws.lambda_.stages import check_free
from tapwater_server.ports.facts import Put

Args = Mapping[str, str]


async def show(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    name = _function(args["Resource"])
    if name:
        function = room.store.function(asked.account, read_function(args["Resource"]))
        return answer({"Tags": dict(function.tags)})
    return answer({"Tags": _others(room, asked, args["Resource"])})


async def tag(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    return await _change(room, asked, args["Resource"], check_tags(body.get("Tags") or {}), ())


async def untag(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    gone = [value for name, value in asked.query if name == "tagKeys"]
    return await _change(room, asked, args["Resource"], {}, gone)


async def _change(
    room: Room, asked: AwsAsked, arn: str, more: Mapping[str, str], gone: Any
) -> AwsAnswer:
    if not _function(arn):
        tags = _changed(_others(room, asked, arn), more, gone)
        put = Put(kind=records.TAGS, key=arn, value={"tags": tags})
        await room.store.change(asked.account, put)
        return answer(status=204)
    function = room.store.function(asked.account, read_function(arn))
    read_egress(more.get(EGRESS_TAG, ""))

    wanted = _changed(function.tags, more, gone)
    anew = any(wanted.get(name) != function.tags.get(name) for name in TAGS)
    if anew:
        check_free(asked.account, function)

    def amended(now: Function) -> Function:
        return replace(now, tags=check_tags(_changed(now.tags, more, gone)))

    await room.changing.amend(asked.account, function.name, amended)
    if anew:
        await room.changing.update(
            asked.account,
            function.name,
            lambda now: room.changing.version(now.latest.config, now.latest.code),
            publish=False,
        )
    return answer(status=204)


def _changed(tags: Mapping[str, str], more: Mapping[str, str], gone: Any) -> dict[str, str]:
    return {name: value for name, value in {**tags, **more}.items() if name not in gone}


def _others(room: Room, asked: AwsAsked, arn: str) -> dict[str, str]:
    fact = room.store.facts.get(asked.account.space, records.TAGS, arn)
    return {} if fact is None else dict(fact.value["tags"])


def _function(arn: str) -> str:
    """Give the function's name, "" for another resource of Lambda's.

    Raises:
        AwsError: it is none of its ARNs.
    """
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "lambda":
        raise invalid(f"The resource {arn[:200]!r} is not an ARN of Lambda")
    kind, _, name = parsed.resource.partition(":")
    if kind == "function":
        return name
    if kind in ("event-source-mapping", "code-signing-config", "capacity-provider"):
        return ""
    raise invalid(f"The resource {arn[:200]!r} cannot be tagged")
