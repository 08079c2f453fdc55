"""Layers: published, looked at, listed, removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import read_layer
from tapwater_server.clouds.aws.lambda_.protocol import answer, page, read_body
from tapwater_server.clouds.aws.lambda_.refusals import conflict, invalid, missing
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.showing import shown_digest, shown_time
from tapwater_server.model.errors import Conflict
from tapwater_server.ports.facts import Drop, Fact, Put

Args = Mapping[str, str]
_LISTS = ("CompatibleRuntimes", "CompatibleArchitectures")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One version of a layer, as it is kept."""

    name: str
    number: int
    value: Mapping[str, Any]


async def publish(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    name = read_layer(args["LayerName"]).name
    said = {member: body[member] for member in (*_LISTS, "LicenseInfo") if body.get(member)}
    for member in _LISTS:
        if not isinstance(said.get(member, []), list) or len(said.get(member, [])) > 15:
            raise invalid(f"{member} must be a list of at most 15 members")
    data = await room.archives.take(asked.account, body.get("Content") or {})
    digest = await room.archives.keep(data)
    try:
        await room.archives.check(digest)
        value = {
            **said,
            "zip": digest,
            "size": len(data),
            "at": round(room.clock.now(), 3),
            "Description": str(body.get("Description") or "")[:256],
        }
        number = await _number(room, asked.account, name, value)
    finally:
        room.archives.done(digest)
    return answer(_shown(room, asked, _Layer(name=name, number=number, value=value)), status=201)


async def show(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    layer = _found(room, asked, args["LayerName"], args["VersionNumber"])
    return answer(_shown(room, asked, layer))


async def list_layers(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    if asked.text("find") == "LayerVersion":
        reference = read_layer(asked.text("Arn") or "")
        layer = _found(room, asked, reference.name, str(reference.version))
        return answer(_shown(room, asked, layer))
    newest: dict[str, _Layer] = {}
    for layer in _all(room, asked, ""):
        known = newest.get(layer.name)
        if _wanted(layer, asked) and (known is None or known.number < layer.number):
            newest[layer.name] = layer
    found, more = page(
        [newest[name] for name in sorted(newest)], asked, key=lambda layer: layer.name
    )
    shown = [
        {
            "LayerName": layer.name,
            "LayerArn": _arn(asked.account, layer.name),
            "LatestMatchingVersion": _line(asked.account, layer),
        }
        for layer in found
    ]
    return answer({"Layers": shown, **more})


async def list_versions(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    name = read_layer(args["LayerName"]).name
    every = [layer for layer in _all(room, asked, f"{name}:") if _wanted(layer, asked)]
    every.sort(key=lambda layer: -layer.number)
    found, more = page(every, asked, key=lambda layer: str(layer.number))
    shown = [_line(asked.account, layer) for layer in found]
    return answer({"LayerVersions": shown, **more})


async def remove(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    """Functions that have it keep it; others cannot get it any more."""
    name = read_layer(args["LayerName"]).name
    key = records.key_of(name, args["VersionNumber"])
    fact = room.store.facts.get(asked.account.space, records.LAYER, key)
    if fact is not None:
        value = {**fact.value, "deleted": True}
        await room.store.change(
            asked.account,
            Put(kind=records.LAYER, key=key, value=value),
            Drop(kind=records.LAYER_POLICY, key=key),
        )
    return answer(status=204)


def check_there(room: Room, asked: AwsAsked, args: Args) -> str:
    """Give the key of a layer's version.

    Raises:
        AwsError: there is none.
    """
    layer = _found(room, asked, args["LayerName"], args["VersionNumber"])
    return records.key_of(layer.name, str(layer.number))


async def _number(room: Room, account: Account, name: str, value: Mapping[str, Any]) -> int:
    """Keep a version under the next number; none is used twice."""
    for _ in range(10):
        count = room.store.facts.get(account.space, records.LAYER_COUNT, name)
        number = 1 if count is None else int(count.value["last"]) + 1
        at = 0 if count is None else count.version
        steps = (
            Put(kind=records.LAYER_COUNT, key=name, value={"last": number}, version=at),
            Put(kind=records.LAYER, key=records.key_of(name, str(number)), value=value),
        )
        try:
            await room.store.change(account, *steps)
        except Conflict:
            continue
        return number
    raise conflict(f"Too many versions of the layer {name} are published at once.")


def _found(room: Room, asked: AwsAsked, said: str, number: str) -> _Layer:
    reference = read_layer(said)
    fact = None
    if number.isdecimal() and len(number) < 12 and reference.account in ("", asked.account.id):
        key = records.key_of(reference.name, str(int(number)))
        fact = room.store.facts.get(asked.account.space, records.LAYER, key)
    if fact is None or fact.value.get("deleted"):
        raise missing("The resource you requested does not exist.")
    return _Layer(name=reference.name, number=int(number), value=fact.value)


def _all(room: Room, asked: AwsAsked, prefix: str) -> list[_Layer]:
    facts = room.store.facts.list(asked.account.space, records.LAYER, prefix=prefix)
    return [_read(fact) for fact in facts if not fact.value.get("deleted")]


def _read(fact: Fact) -> _Layer:
    name, _, number = fact.key.partition(":")
    return _Layer(name=name, number=int(number), value=fact.value)


def _wanted(layer: _Layer, asked: AwsAsked) -> bool:
    for parameter, member in (
        ("CompatibleRuntime", "CompatibleRuntimes"),
        ("CompatibleArchitecture", "CompatibleArchitectures"),
    ):
        said = asked.text(parameter)
        if said is not None and said not in layer.value.get(member, ()):
            return False
    return True


def _arn(account: Account, name: str) -> str:
    return account.arn("lambda", f"layer:{name}")


def _line(account: Account, layer: _Layer) -> dict[str, Any]:
    value = layer.value
    return {
        "LayerVersionArn": f"{_arn(account, layer.name)}:{layer.number}",
        "Version": layer.number,
        "Description": value["Description"],
        "CreatedDate": shown_time(float(value["at"])),
        **{name: value[name] for name in (*_LISTS, "LicenseInfo") if name in value},
    }


def _shown(room: Room, asked: AwsAsked, layer: _Layer) -> dict[str, Any]:
    value = layer.value
    return {
        "Content": {
            "Location": room.links.make(asked, str(value["zip"])),
            "CodeSha256": shown_digest(str(value["zip"])),
            "CodeSize": value["size"],
        },
        "LayerArn": _arn(asked.account, layer.name),
        **_line(asked.account, layer),
    }
