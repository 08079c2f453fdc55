"""Fn::ForEach of the transform AWS::LanguageExtensions: written out. Pure."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.cloudformation.intrinsics import Scope, resolve
from tapwater_server.clouds.aws.cloudformation.troubles import Refused

TURNS_MAX = 500


def unrolled(template: Mapping[str, Any], parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write all loops of a template out.

    >>> loop = ["X", ["a", "b"], {"Q${X}": {"Type": "T", "Name": {"Ref": "X"}}}]
    >>> unrolled({"Resources": {"Fn::ForEach::L": loop}}, {})["Resources"]
    {'Qa': {'Type': 'T', 'Name': 'a'}, 'Qb': {'Type': 'T', 'Name': 'b'}}

    Raises:
        Refused: a loop cannot be read.
    """
    found: Mapping[str, Any] = _walk(template, parameters)
    return found


def _walk(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_walk(part, parameters) for part in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, part in value.items():
        if str(key).startswith("Fn::ForEach::"):
            found |= _loop(part, parameters)
        else:
            found[key] = _walk(part, parameters)
    return found


def _loop(said: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(said, list) or len(said) != 3 or not isinstance(said[2], dict):
        raise Refused("Template error: Fn::ForEach requires a name, a list and an object")
    name, items, body = said
    turns = resolve(items, Scope(ref=lambda key: parameters.get(key, key)))
    if isinstance(turns, str):
        turns = [part.strip() for part in turns.split(",")]
    if not isinstance(turns, list) or len(turns) > TURNS_MAX:
        raise Refused(f"Template error: Fn::ForEach requires a list of at most {TURNS_MAX}")
    found: dict[str, Any] = {}
    for turn in turns:
        found |= _walk(_said(body, str(name), str(turn)), parameters)
    return found


def _said(value: Any, name: str, turn: str) -> Any:
    """Put a turn's value where the loop's name stands."""
    if isinstance(value, dict):
        if value == {"Ref": name}:
            return turn
        return {_text(str(key), name, turn): _said(part, name, turn) for key, part in value.items()}
    if isinstance(value, list):
        return [_said(part, name, turn) for part in value]
    return _text(value, name, turn) if isinstance(value, str) else value


def _text(value: str, name: str, turn: str) -> str:
    plain = "".join(filter(str.isalnum, turn))
    return value.replace("${" + name + "}", turn).replace("&{" + name + "}", plain)
