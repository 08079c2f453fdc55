"""Filter policies: which messages a subscription wants, by attributes or by body. Pure.

A policy is compiled once. Under one name one of the tests must fit; of a message's array one
element must. In the scope MessageBody names may be nested.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.sns.errors import invalid

KEYS_MAX = 5
COMBINATIONS_MAX = 150
DEPTH_MAX = 32
WILDCARDS_MAX = 3
NUMBER_MAX = 1e9
PLACES = 5
ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"
_SIGNS = frozenset({"=", "<", "<=", ">", ">="})
Test = Callable[[Any], bool]
Matcher = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class _Absent:
    """Stands for what a message does not have."""


_ABSENT = _Absent()


def compile_policy(text: str, *, scope: str = ATTRIBUTES) -> Matcher:
    """Read a filter policy.

    >>> compile_policy('{"store": ["shop", {"prefix": "web-"}]}')({"store": "web-1"})
    True

    Raises:
        AwsError: it is none, or too large.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid("FilterPolicy: failed to parse JSON.") from None
    if not isinstance(said, dict):
        raise invalid("FilterPolicy: Filter policy must be an object.")
    counted = _Counted()
    matcher = _object(said, counted, nested=scope == BODY, depth=0)
    counted.check()
    return matcher


class _Counted:
    """How large a policy is."""

    def __init__(self) -> None:
        self.keys, self.combinations = 0, 1

    def take(self, tests: int, depth: int) -> None:
        self.keys += 1
        self.combinations *= max(1, tests) * (depth + 1)

    def check(self) -> None:
        if self.keys > KEYS_MAX:
            raise invalid(f"FilterPolicy: Filter policy can not have more than {KEYS_MAX} keys")
        if self.combinations > COMBINATIONS_MAX:
            raise invalid("FilterPolicy: Filter policy is too complex")


def _object(said: Mapping[str, Any], counted: _Counted, *, nested: bool, depth: int) -> Matcher:
    if depth > DEPTH_MAX:
        raise invalid("FilterPolicy: Filter policy is too deep")
    if not said and depth:
        raise invalid("FilterPolicy: Empty objects are not allowed")
    parts = [
        _either(value, counted, nested=nested, depth=depth)
        if name == "$or" and _is_or(value)
        else _member(name, value, counted, nested=nested, depth=depth)
        for name, value in said.items()
    ]
    return lambda held: all(part(held) for part in parts)


def _is_or(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) > 1 and all(isinstance(one, dict) for one in value)
    )


def _either(value: Sequence[Any], counted: _Counted, *, nested: bool, depth: int) -> Matcher:
    parts = [_object(one, counted, nested=nested, depth=depth) for one in value]
    return lambda held: any(part(held) for part in parts)


def _member(name: str, value: Any, counted: _Counted, *, nested: bool, depth: int) -> Matcher:
    if isinstance(value, dict):
        if not nested:
            raise invalid(
                "Filter policy scope MessageAttributes does not support nested filter policy"
            )
        inner = _object(value, counted, nested=True, depth=depth + 1)
        return lambda held: any(inner(one) for one in _objects(held.get(name)))
    if not isinstance(value, list):
        raise invalid(f'FilterPolicy: "{name}" must be an object or an array')
    if not value:
        raise invalid("FilterPolicy: Empty arrays are not allowed")
    tests = [_test(one) for one in value]
    counted.take(len(tests), depth)
    return lambda held: any(test(held.get(name, _ABSENT)) for test in tests)


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    """Give the objects under a name; where there is none, tests for absence still see one."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict)] or [{}]


def _test(said: Any) -> Test:
    if isinstance(said, dict):
        if len(said) != 1:
            raise invalid("FilterPolicy: Only one key allowed in match expression")
        [(kind, value)] = said.items()
        make = _KINDS.get(kind)
        if make is None:
            raise invalid(f"FilterPolicy: Unrecognized match type {kind}")
        return make(value)
    if isinstance(said, list):
        raise invalid("FilterPolicy: Match value must be String, number, true, false, or null")
    return _of_each(lambda value: _same(value, said))


def _of_each(test: Test) -> Test:
    """Let an array fit if one of its elements does; what is absent does not."""

    def fits(value: Any) -> bool:
        if value is _ABSENT:
            return False
        return any(test(one) for one in value) if isinstance(value, list) else test(value)

    return fits


def _same(value: Any, said: Any) -> bool:
    if isinstance(value, bool) or isinstance(said, bool):
        return value is said
    return (type(value) is type(said) and value == said) or _both_numbers(value, said)


def _both_numbers(value: Any, said: Any) -> bool:
    """Compare numbers as SNS does: to five places behind the point."""
    if not (isinstance(value, int | float) and isinstance(said, int | float)):
        return False
    return round(value, PLACES) == round(said, PLACES)


def _exists(said: Any) -> Test:
    if not isinstance(said, bool):
        raise invalid("FilterPolicy: exists match pattern must be either true or false.")
    return lambda value: (value is not _ABSENT) is said


def _text_test(kind: str, fits: Callable[[str, str], bool]) -> Callable[[Any], Test]:
    def make(said: Any) -> Test:
        if not isinstance(said, str) or (not said and kind != "equals-ignore-case"):
            raise invalid(f"FilterPolicy: {kind} match pattern must be a string")
        return _of_each(lambda value: isinstance(value, str) and fits(value, said))

    return make


def _anything_but(said: Any) -> Test:
    if isinstance(said, dict):
        inner = _test(said)
        return lambda value: value is not _ABSENT and not inner(value)
    values = said if isinstance(said, list) else [said]
    if not values or any(isinstance(one, dict | list | bool) for one in values):
        raise invalid("FilterPolicy: anything-but list must contain strings or numbers.")

    def fits(value: Any) -> bool:
        return not any(_same(value, one) for one in values)

    return _of_each(fits)


def _numeric(said: Any) -> Test:
    if isinstance(said, list) and said and not isinstance(said[0], str):
        raise _bad_number(f"Invalid member in numeric match: {said[0]}")
    if not isinstance(said, list) or len(said) not in {2, 4}:
        raise _bad_number("Invalid member in numeric match: ]")
    pairs = [(said[at], said[at + 1]) for at in range(0, len(said), 2)]
    for sign, bound in pairs:
        if sign not in _SIGNS:
            raise _bad_number(f"Unrecognized numeric range operator: {sign}")
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            raise _bad_number(f"Value of {sign} must be numeric")
        if abs(bound) > NUMBER_MAX:
            raise _bad_number(f"Value of {sign} is out of range")
    if len(pairs) == 2:
        _check_range(pairs)
    return _of_each(lambda value: _is_number(value) and all(_holds(value, *one) for one in pairs))


def _check_range(pairs: Sequence[tuple[str, float]]) -> None:
    (low, bottom), (high, top) = pairs
    if low not in {">", ">="} or high not in {"<", "<="}:
        raise _bad_number("Too many elements in numeric expression")
    if bottom >= top:
        raise _bad_number("Bottom must be less than top")


def _bad_number(why: str) -> AwsError:
    return invalid(f"Attributes Reason: FilterPolicy: {why}\n at ...")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _holds(value: float, sign: str, bound: float) -> bool:
    match sign:
        case "=":
            return value == bound
        case "<":
            return value < bound
        case "<=":
            return value <= bound
        case ">":
            return value > bound
        case _:
            return value >= bound


def _cidr(said: Any) -> Test:
    try:
        network = ipaddress.ip_network(str(said), strict=False)
    except ValueError:
        raise invalid("FilterPolicy: Malformed CIDR") from None

    def fits(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return _of_each(fits)


def _wildcard(said: Any) -> Test:
    if not isinstance(said, str) or said.count("*") > WILDCARDS_MAX or "**" in said:
        raise invalid("FilterPolicy: wildcard match pattern is not valid")
    pattern = re.compile(".*".join(re.escape(part) for part in said.split("*")), re.DOTALL)
    return _of_each(lambda value: isinstance(value, str) and bool(pattern.fullmatch(value)))


_KINDS: Mapping[str, Callable[[Any], Test]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": _text_test(
        "equals-ignore-case", lambda value, said: value.lower() == said.lower()
    ),
    "exists": _exists,
    "numeric": _numeric,
    "prefix": _text_test("prefix", str.startswith),
    "suffix": _text_test("suffix", str.endswith),
    "wildcard": _wildcard,
}


def attributes_seen(attributes: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Give message attributes as policies see them: texts, numbers, arrays; no bytes."""
    seen: dict[str, Any] = {}
    for name, said in attributes.items():
        kind, text = said.get("DataType", ""), said.get("StringValue", "")
        if kind == "String.Array" or kind.partition(".")[0] == "Number":
            seen[name] = _parsed(text)
        elif kind.partition(".")[0] == "String":
            seen[name] = text
    return seen


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def body_seen(message: str) -> Mapping[str, Any] | None:
    """Give a body as policies see it; None: it is no JSON object, and no policy fits."""
    said = _parsed(message)
    return said if isinstance(said, dict) else None


def check_policy(text: str, scope: str) -> None:
    """Refuse what is no policy.

    Raises:
        AwsError: it is none.
    """
    if scope not in {ATTRIBUTES, BODY}:
        raise invalid(
            f"FilterPolicyScope: Invalid value [{scope[:100]}]. Please use either MessageBody or "
            "MessageAttributes"
        )
    if text:
        compile_policy(text, scope=scope)
