"""Intrinsic functions: expressions of a template become values. Pure."""

import ipaddress
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tapwater_server.clouds.aws.cloudformation.troubles import Refused

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
CIDRS_MAX = 256


class _Mark:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


NO_VALUE: Final = _Mark("NO_VALUE")  # Ref AWS::NoValue: what it stands for is left out.
UNKNOWN: Final = _Mark("UNKNOWN")  # Will be known once the resource has been made.


def _nothing(name: str) -> Any:
    raise Refused(f"Template error: unresolved reference {name}")


def _no_attribute(name: str, attribute: str) -> Any:
    raise Refused(f"Template error: {name} has no attribute {attribute} that is known")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What expressions can see."""

    ref: Callable[[str], Any] = _nothing
    attribute: Callable[[str, str], Any] = _no_attribute
    imported: Callable[[str], Any] = _nothing
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)
    region: str = "us-east-1"


def call_of(value: object) -> tuple[str, Any] | None:
    """Tell a function call from a plain object: its name, and what it is given."""
    if isinstance(value, dict) and len(value) == 1:
        name = next(iter(value))
        if name in ("Ref", "Condition") or (isinstance(name, str) and name.startswith("Fn::")):
            return name, value[name]
    return None


def resolve(value: Any, scope: Scope) -> Any:
    """Give the value of an expression; ``UNKNOWN`` where a resource is not there yet.

    >>> resolve({"Fn::Join": ["-", ["a", {"Ref": "B"}]]}, Scope(ref=str.lower))
    'a-b'

    Raises:
        Refused: a function is used as it cannot be.
    """
    found = call_of(value)
    if found is not None and found[0] != "Condition":
        name, given = found
        function = FUNCTIONS.get(name)
        if function is None:
            raise Refused(f"Template error: {name} is not supported")
        return function(given, scope)
    if isinstance(value, dict):
        parts = {key: resolve(part, scope) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part is not NO_VALUE}
    if isinstance(value, list):
        items = [resolve(part, scope) for part in value]
        return [part for part in items if part is not NO_VALUE]
    return value


def decide(value: Any, scope: Scope, named: Callable[[str], bool]) -> bool:
    """Give the truth of a condition; ``named`` gives that of another one.

    Raises:
        Refused: it is none.
    """
    found = call_of(value)
    if found is None:
        raise Refused(f"Template error: a condition must be a function, not {shown(value)}")
    name, given = found
    if name == "Condition":
        return named(str(given))
    if name == "Fn::Equals":
        one, other = _list(name, given, 2)
        return bool(text(resolve(one, scope)) == text(resolve(other, scope)))
    if name == "Fn::Not":
        return not decide(_list(name, given, 1)[0], scope, named)
    if name in ("Fn::And", "Fn::Or"):
        parts = [decide(part, scope, named) for part in _list(name, given)]
        return all(parts) if name == "Fn::And" else any(parts)
    raise Refused(f"Template error: {name} cannot be used in a condition")


def prune(value: Any, conditions: Mapping[str, bool]) -> Any:
    """Put the branch that holds in the place of each Fn::If."""
    found = call_of(value)
    if found is not None and found[0] == "Fn::If":
        name, yes, no = _list("Fn::If", found[1], 3)
        if name not in conditions:
            raise Refused(f"Template error: unresolved condition dependency {name}")
        return prune(yes if conditions[name] else no, conditions)
    if isinstance(value, dict):
        return {key: prune(part, conditions) for key, part in value.items()}
    if isinstance(value, list):
        return [prune(part, conditions) for part in value]
    return value


def references(value: Any) -> Iterator[str]:
    """Name what an expression refers to: resources, parameters, pseudo parameters."""
    found = call_of(value)
    name, given = found if found is not None else ("", None)
    if name == "Ref":
        yield str(given)
    elif name == "Fn::GetAtt":
        yield _attribute_of(given)[0]
    elif name == "Fn::Sub":
        yield from _of_sub(given)
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from references(part)


def _of_sub(given: Any) -> Iterator[str]:
    template, own = _sub_of(given)
    yield from references(own)
    for escaped, name in _VARIABLE.findall(template):
        if not escaped and name.strip() not in own:
            yield name.strip().split(".")[0]


def text(value: Any) -> Any:
    """Write a scalar as text, as CloudFormation does; ``UNKNOWN`` stays."""
    if value is UNKNOWN or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)
    return shown(value)


def shown(value: Any) -> str:
    """Write a value for a message."""
    return json.dumps(value, default=str)[:200]


def _ref(given: Any, scope: Scope) -> Any:
    return scope.ref(str(given))


def _attribute_of(given: Any) -> tuple[str, Any]:
    if isinstance(given, str) and "." in given:
        name, _, attribute = given.partition(".")
        return name, attribute
    if isinstance(given, list) and len(given) >= 2 and isinstance(given[0], str):
        rest = given[1:]
        return given[0], ".".join(rest) if all(isinstance(r, str) for r in rest) else rest[0]
    raise Refused("Template error: every Fn::GetAtt object requires two non-empty parameters")


def _get_att(given: Any, scope: Scope) -> Any:
    name, attribute = _attribute_of(given)
    found = resolve(attribute, scope)
    return UNKNOWN if found is UNKNOWN else scope.attribute(name, str(found))


def _sub_of(given: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(given, str):
        return given, {}
    if (
        isinstance(given, list)
        and len(given) == 2
        and isinstance(given[0], str)
        and isinstance(given[1], dict)
    ):
        return given[0], given[1]
    raise Refused(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments."
    )


def _sub(given: Any, scope: Scope) -> Any:
    template, own = _sub_of(given)
    parts: list[Any] = []
    at = 0
    for found in _VARIABLE.finditer(template):
        parts.append(template[at : found.start()])
        at = found.end()
        name = found[2].strip()
        if found[1]:
            parts.append("${" + found[2] + "}")
        elif name in own:
            parts.append(resolve(own[name], scope))
        elif "." in name:
            parts.append(scope.attribute(*name.split(".", 1)))
        else:
            parts.append(scope.ref(name))
    parts.append(template[at:])
    return _concatenated("", parts)


def _join(given: Any, scope: Scope) -> Any:
    between, parts = _list("Fn::Join", given, 2)
    found = resolve(parts, scope)
    if found is UNKNOWN:
        return UNKNOWN
    if not isinstance(found, list):
        raise Refused("Template error: every Fn::Join object requires a list of values")
    return _concatenated(str(between), found)


def _concatenated(between: str, parts: list[Any]) -> Any:
    if any(part is UNKNOWN for part in parts):
        return UNKNOWN
    for part in parts:
        if isinstance(part, dict | list) or part is NO_VALUE:
            raise Refused(f"Template error: {shown(part)} cannot be part of a text")
    return between.join([text(part) for part in parts])


def _select(given: Any, scope: Scope) -> Any:
    index, items = (resolve(part, scope) for part in _list("Fn::Select", given, 2))
    if index is UNKNOWN or items is UNKNOWN:
        return UNKNOWN
    if isinstance(items, str):
        items = items.split(",")
    try:
        at = int(index)
    except (TypeError, ValueError):
        at = -1
    if not isinstance(items, list) or not 0 <= at < len(items):
        raise Refused(
            f"Template error: Fn::Select cannot select nonexistent value at index {index}"
        )
    return items[at]


def _split(given: Any, scope: Scope) -> Any:
    between, source = (resolve(part, scope) for part in _list("Fn::Split", given, 2))
    if source is UNKNOWN:
        return UNKNOWN
    if not isinstance(source, str) or not isinstance(between, str) or not between:
        raise Refused("Template error: every Fn::Split object requires two string parameters")
    return source.split(between)


def _if(given: Any, scope: Scope) -> Any:
    name, yes, no = _list("Fn::If", given, 3)
    if name not in scope.conditions:
        raise Refused(f"Template error: unresolved condition dependency {name}")
    return resolve(yes if scope.conditions[name] else no, scope)


def _find_in_map(given: Any, scope: Scope) -> Any:
    keys = _list("Fn::FindInMap", given)
    default = keys[3].get("DefaultValue", NO_VALUE) if len(keys) == 4 else NO_VALUE
    found: Any = scope.mappings
    for key in (resolve(part, scope) for part in keys[:3]):
        if key is UNKNOWN:
            return UNKNOWN
        if not isinstance(found, Mapping) or text(key) not in found:
            if default is not NO_VALUE:
                return resolve(default, scope)
            raise Refused(f"Template error: Unable to get mapping for {shown(keys[:3])}")
        found = found[text(key)]
    return found


def _import(given: Any, scope: Scope) -> Any:
    name = resolve(given, scope)
    return UNKNOWN if name is UNKNOWN else scope.imported(text(name))


def _base64(given: Any, scope: Scope) -> Any:
    found = text(resolve(given, scope))
    return UNKNOWN if found is UNKNOWN else b64encode(found.encode()).decode("ascii")


def _cidr(given: Any, scope: Scope) -> Any:
    parts = [resolve(part, scope) for part in _list("Fn::Cidr", given)]
    if UNKNOWN in parts:
        return UNKNOWN
    try:
        network = ipaddress.ip_network(str(parts[0]))
        count, bits = int(parts[1]), int(parts[2]) if len(parts) > 2 else 8
        subnets = network.subnets(new_prefix=network.max_prefixlen - bits)
        if not 1 <= count <= CIDRS_MAX:
            raise ValueError("count")  # noqa: TRY301
        found = [str(subnet) for _, subnet in zip(range(count), subnets, strict=False)]
    except (ValueError, IndexError, TypeError) as error:
        raise Refused(f"Template error: Fn::Cidr cannot use {shown(parts)}") from error
    if len(found) < count:
        raise Refused(f"Template error: {parts[0]} has no {count} subnets of {bits} bits")
    return found


def _zones(given: Any, scope: Scope) -> Any:
    region = resolve(given, scope) or scope.region
    return [f"{region}{letter}" for letter in "abc"]


def _length(given: Any, scope: Scope) -> Any:
    found = resolve(given, scope)
    if found is UNKNOWN:
        return UNKNOWN
    if not isinstance(found, list):
        raise Refused("Template error: Fn::Length needs a list")
    return len(found)


def _json(given: Any, scope: Scope) -> Any:
    found = resolve(given, scope)
    return UNKNOWN if holds_unknown(found) else json.dumps(found, separators=(",", ":"))


def holds_unknown(value: Any) -> bool:
    """Tell whether something in a value is not known yet."""
    if isinstance(value, dict):
        return any(map(holds_unknown, value.values()))
    if isinstance(value, list):
        return any(map(holds_unknown, value))
    return value is UNKNOWN


def _list(name: str, given: Any, count: int | None = None) -> list[Any]:
    if not isinstance(given, list) or (count is not None and len(given) != count):
        many = f" of {count}" if count is not None else ""
        raise Refused(f"Template error: {name} requires a list argument{many}")
    return given


FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::GetAZs": _zones,
    "Fn::Length": _length,
    "Fn::ToJsonString": _json,
}
