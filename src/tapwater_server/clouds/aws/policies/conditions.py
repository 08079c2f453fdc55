"""Conditions of policies: an operator, a key, and values to compare with. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from tapwater_server.clouds.aws.policies.patterns import fits, readied

CONDITIONS_MAX = 100


class ConditionError(ValueError):
    """A condition that cannot be read."""


Context = Mapping[str, Sequence[str]]
_NAME = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One key of a Condition. ``negated``: true if none of the values fits."""

    compare: Callable[[str, str, Context], bool]
    key: str
    values: Sequence[str]
    negated: bool = False
    if_exists: bool = False
    each: str = ""  # "ForAllValues", "ForAnyValue"
    null: bool = False


def holds(condition: Condition, context: Context) -> bool:
    """Say whether a condition is true of what is asked."""
    given = context.get(condition.key)
    if condition.null:
        return (given is None) is (condition.values[0].lower() == "true")
    if not given:
        return condition.if_exists or condition.negated or condition.each == "ForAllValues"

    def good(one: str) -> bool:
        found = any(condition.compare(one, value, context) for value in condition.values)
        return found is not condition.negated

    if condition.each == "ForAllValues" or (condition.negated and not condition.each):
        return all(good(one) for one in given)
    return any(good(one) for one in given)


def read_conditions(said: Any) -> Sequence[Condition]:
    """Read a statement's Condition.

    Raises:
        ConditionError: it cannot be read.
    """
    if not isinstance(said, dict):
        raise ConditionError("Syntax errors in policy: Condition is an object")
    found = []
    for name, keys in said.items():
        if not isinstance(keys, dict):
            raise ConditionError(f"Syntax errors in policy: {name} is an object")
        found += [_read(name, key, values) for key, values in keys.items()]
    if len(found) > CONDITIONS_MAX:
        raise ConditionError(f"A statement has at most {CONDITIONS_MAX} conditions")
    return tuple(found)


def _read(name: str, key: str, values: Any) -> Condition:
    found = _NAME.fullmatch(name)
    operator = found[2] if found is not None else ""
    if found is None or (operator != "Null" and operator not in _OPERATORS):
        raise ConditionError(f"Invalid Condition type : {name}")
    compare, negated = _OPERATORS.get(operator, (_same, False))
    texts = [_text(value) for value in (values if isinstance(values, list) else [values])]
    return Condition(
        compare=compare,
        key=key.lower(),
        values=texts or [""],
        negated=negated,
        if_exists=found[3] is not None,
        each=found[1] or "",
        null=operator == "Null",
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise ConditionError("Syntax errors in policy: a condition's value is text")
    return str(value)


def _same(given: str, value: str, context: Context) -> bool:
    return given == readied(value, context).replace("\ue000", "*").replace("\ue001", "?")


def _same_letters(given: str, value: str, context: Context) -> bool:
    return _same(given.lower(), value.lower(), context)


def _like(given: str, value: str, context: Context) -> bool:
    return fits(readied(value, context), given)


def _arn_like(given: str, value: str, context: Context) -> bool:
    """Part by part: a wildcard does not reach over a colon, but in the last part."""
    mine, theirs = given.split(":", 5), readied(value, context).split(":", 5)
    return len(mine) == len(theirs) and all(map(fits, theirs, mine))


def _number(test: Callable[[float, float], bool]) -> Callable[[str, str, Context], bool]:
    def compare(given: str, value: str, _: Context) -> bool:
        try:
            return test(float(given), float(value))
        except ValueError:
            return False

    return compare


def _date(test: Callable[[float, float], bool]) -> Callable[[str, str, Context], bool]:
    def compare(given: str, value: str, _: Context) -> bool:
        try:
            return test(_time(given), _time(value))
        except ValueError:
            return False

    return compare


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _within(given: str, value: str, _: Context) -> bool:
    try:
        return ip_address(given) in ip_network(value, strict=False)
    except ValueError:
        return False


def _compared(
    kind: str, of: Callable[[Callable[[float, float], bool]], Callable[[str, str, Context], bool]]
) -> dict[str, tuple[Callable[[str, str, Context], bool], bool]]:
    return {
        f"{kind}Equals": (of(lambda a, b: a == b), False),
        f"{kind}NotEquals": (of(lambda a, b: a == b), True),
        f"{kind}LessThan": (of(lambda a, b: a < b), False),
        f"{kind}LessThanEquals": (of(lambda a, b: a <= b), False),
        f"{kind}GreaterThan": (of(lambda a, b: a > b), False),
        f"{kind}GreaterThanEquals": (of(lambda a, b: a >= b), False),
    }


_OPERATORS: Mapping[str, tuple[Callable[[str, str, Context], bool], bool]] = {
    "StringEquals": (_same, False),
    "StringNotEquals": (_same, True),
    "StringEqualsIgnoreCase": (_same_letters, False),
    "StringNotEqualsIgnoreCase": (_same_letters, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnLike": (_arn_like, False),
    "ArnNotLike": (_arn_like, True),
    "Bool": (_same_letters, False),
    "BinaryEquals": (_same, False),
    "IpAddress": (_within, False),
    "NotIpAddress": (_within, True),
    **_compared("Numeric", _number),
    **_compared("Date", _date),
}
