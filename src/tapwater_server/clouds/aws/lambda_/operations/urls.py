"""Configurations of function URLs."""

import ipaddress
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.cors import check_cors
from tapwater_server.clouds.aws.lambda_.names import (
    LATEST,
    function_arn,
    is_version,
    read_qualified,
)
from tapwater_server.clouds.aws.lambda_.protocol import answer, page, read_body
from tapwater_server.clouds.aws.lambda_.refusals import conflict, invalid, missing, violated
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.showing import shown_time
from tapwater_server.ports.facts import Drop, Fact, Put

Args = Mapping[str, str]
_AUTH, _MODES = ("NONE", "AWS_IAM"), ("BUFFERED", "RESPONSE_STREAM")


async def create(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    key = _key(room, asked, args)
    if room.store.facts.get(asked.account.space, records.URL, key) is not None:
        arn = _arn(asked, key)
        raise conflict(
            f"Failed to create function url config for [functionArn = {arn}]. Error "
            f"message:  FunctionUrlConfig exists for this Lambda function"
        )
    if body.get("AuthType") is None:
        raise violated([(None, "authType", "Member must not be null")])
    now = round(room.clock.now(), 3)
    value = {
        "id": _fresh_id(room.ids.secret()),
        "mode": "BUFFERED",
        "at": now,
        "modified_at": now,
        **_checked(body),
    }
    put = Put(kind=records.URL, key=key, value=value, version=0)
    await room.store.change(asked.account, put)
    return answer(_shown(asked, key, value), status=201)


async def show(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    fact = _found(room, asked, args)
    return answer(_shown(asked, fact.key, fact.value))


async def update(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    fact = _found(room, asked, args)
    value = {**fact.value, **_checked(body), "modified_at": round(room.clock.now(), 3)}
    await room.store.change(asked.account, Put(kind=records.URL, key=fact.key, value=value))
    return answer(_shown(asked, fact.key, value))


async def remove(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    fact = _found(room, asked, args)
    await room.store.change(asked.account, Drop(kind=records.URL, key=fact.key))
    return answer(status=204)


async def list_all(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    function = room.store.function(asked.account, read_qualified(args["FunctionName"], None))
    facts = room.store.facts.list(asked.account.space, records.URL, prefix=f"{function.name}:")
    found, more = page(facts, asked, key=lambda fact: fact.key)
    shown = [_shown(asked, fact.key, fact.value) for fact in found]
    return answer({"FunctionUrlConfigs": shown, **more})


def _key(room: Room, asked: AwsAsked, args: Args) -> str:
    reference = read_qualified(args["FunctionName"], asked.text("Qualifier"))
    function = room.store.function(asked.account, reference)
    qualifier = reference.qualifier
    if qualifier == LATEST or is_version(qualifier):
        raise invalid("A function URL belongs to a function or to one of its aliases.")
    room.store.check_qualifier(asked.account, function, qualifier)
    return records.key_of(function.name, qualifier or LATEST)


def _found(room: Room, asked: AwsAsked, args: Args) -> Fact:
    fact = room.store.facts.get(asked.account.space, records.URL, _key(room, asked, args))
    if fact is None:
        raise missing("The resource you requested does not exist.")
    return fact


def _checked(body: Mapping[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for member, name, choices in (("AuthType", "auth", _AUTH), ("InvokeMode", "mode", _MODES)):
        said = body.get(member)
        if said is None:
            continue
        if said not in choices:
            must = f"Member must satisfy enum value set: [{', '.join(choices)}]"
            raise violated([(said, member[0].lower() + member[1:], must)])
        value[name] = said
    if body.get("Cors") is not None:
        value["cors"] = check_cors(body["Cors"])
    return value


def _arn(asked: AwsAsked, key: str) -> str:
    name, _, qualifier = key.partition(":")
    return function_arn(asked.account, name, "" if qualifier == LATEST else qualifier)


def _shown(asked: AwsAsked, key: str, value: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "FunctionUrl": url_of(asked, str(value["id"])),
        "FunctionArn": _arn(asked, key),
        "AuthType": value["auth"],
        "CreationTime": shown_time(float(value["at"])),
        "LastModifiedTime": shown_time(float(value["modified_at"])),
        "InvokeMode": value["mode"],
    }
    if value.get("cors"):
        shown["Cors"] = value["cors"]
    return shown


def url_of(asked: AwsAsked, id: str) -> str:
    """Write a URL that leads here: a host name of its own where the client used a name, a path
    where it used an address, which has no names below it.
    """
    host, colon, port = asked.host.rpartition(":")
    name = host if colon and port.isdecimal() else asked.host
    if is_address(name):
        return f"{asked.scheme}://{asked.host}/_/aws/lambda-url/{id}/"
    tail = f":{port}" if name != asked.host else ""
    domain = domain_of(name)
    return f"{asked.scheme}://{id}.lambda-url.{asked.account.region}.{domain}{tail}/"


def is_address(name: str) -> bool:
    """Tell an address from a host name.

    >>> is_address("127.0.0.1"), is_address("[::1]"), is_address("localhost")
    (True, True, False)
    """
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def domain_of(name: str) -> str:
    """Leave out the labels of AWS's own scheme.

    >>> domain_of("lambda.us-east-1.localhost"), domain_of("aws.example.com")
    ('localhost', 'example.com')
    """
    labels = name.split(".")
    if labels[0] in ("aws", "lambda"):
        labels = labels[2:] if labels[0] == "lambda" and len(labels) > 2 else labels[1:]
    return ".".join(labels) or name


def _fresh_id(secret: str) -> str:
    """Make an id as they look there: 32 letters and digits."""
    number = int.from_bytes(sha256(secret.encode()).digest(), "big")
    digits = "abcdefghijklmnopqrstuvwxyz234567"
    return "".join(digits[(number >> (5 * index)) & 31] for index in range(32))
