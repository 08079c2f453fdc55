"""Parameters of a stack: what is declared, what is given, what follows. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.cloudformation.intrinsics import text
from tapwater_server.clouds.aws.cloudformation.troubles import Refused

PARAMETERS_MAX = 200
VALUE_LENGTH_MAX = 4_096
_SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
HIDDEN = "****"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One parameter as a request gives it."""

    key: str
    value: str | None = None
    previous: bool = False  # the one that the stack has


def stored_in_ssm(kind: str) -> str | None:
    """Say of what type the value is that a parameter's value names in SSM; None: it names none.

    >>> stored_in_ssm("AWS::SSM::Parameter::Value<String>")
    'String'
    """
    found = _SSM.fullmatch(kind)
    return found[1] if found is not None else None


def choose(
    declared: Mapping[str, Any], given: Sequence[Given], before: Mapping[str, str]
) -> dict[str, str]:
    """Give each declared parameter its text: given, the one it had, or its default.

    Raises:
        Refused: one is missing, not declared, or not what it may be.
    """
    said = {one.key: one for one in given}
    strange = sorted(said.keys() - declared.keys())
    if strange:
        raise Refused(f"Parameters: [{', '.join(strange)}] do not exist in the template")
    if len(declared) > PARAMETERS_MAX:
        raise Refused(f"Template format error: more than {PARAMETERS_MAX} parameters")
    values: dict[str, str] = {}
    missing: list[str] = []
    for name, about in declared.items():
        value = _one(said.get(name), about, before.get(name))
        if value is None:
            missing.append(name)
        else:
            values[name] = value
    if missing:
        raise Refused(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        _check(name, declared[name], value)
    return values


def _one(given: Given | None, about: Mapping[str, Any], before: str | None) -> str | None:
    if given is not None and given.previous:
        return before
    if given is not None and given.value is not None:
        return given.value
    default = about.get("Default")
    return None if default is None else str(text(default))


def typed(kind: str, value: str) -> Any:
    """Give a parameter's value as expressions see it.

    >>> typed("CommaDelimitedList", "a, b")
    ['a', 'b']
    """
    inner = stored_in_ssm(kind) or kind
    if inner == "CommaDelimitedList" or inner.startswith("List<"):
        return [part.strip() for part in value.split(",")] if value else []
    return value


def _check(name: str, about: Mapping[str, Any], value: str) -> None:
    if len(value) > VALUE_LENGTH_MAX:
        raise Refused(f"Parameter '{name}' exceeds {VALUE_LENGTH_MAX} characters")
    kind = str(about.get("Type", ""))
    if not kind:
        raise Refused(
            f"Template format error: Every Parameters object must contain a Type member. [{name}]"
        )
    allowed = about.get("AllowedValues")
    parts = typed(kind, value)
    for part in parts if isinstance(parts, list) else [parts]:
        if allowed is not None and part not in [text(one) for one in allowed]:
            raise Refused(f"Parameter '{name}' must be one of AllowedValues")
        if kind in ("Number", "List<Number>"):
            _check_number(name, about, part)
    if kind == "String":
        _check_text(name, about, value)


def _check_number(name: str, about: Mapping[str, Any], value: str) -> None:
    try:
        number = float(value)
    except ValueError as error:
        raise Refused(f"Parameter '{name}' must be a number.") from error
    if not float(about.get("MinValue", "-inf")) <= number <= float(about.get("MaxValue", "inf")):
        raise Refused(_why(name, about, "must be within MinValue and MaxValue"))


def _check_text(name: str, about: Mapping[str, Any], value: str) -> None:
    low, high = int(about.get("MinLength", 0)), int(about.get("MaxLength", VALUE_LENGTH_MAX))
    if not low <= len(value) <= high:
        raise Refused(_why(name, about, f"must have {low} to {high} characters"))
    pattern = about.get("AllowedPattern")
    if pattern is not None and not _matches(name, str(pattern), value):
        raise Refused(_why(name, about, f"must match pattern {pattern}"))


def _matches(name: str, pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error as error:
        raise Refused(f"Parameter '{name}': AllowedPattern cannot be read") from error


def _why(name: str, about: Mapping[str, Any], why: str) -> str:
    said = about.get("ConstraintDescription") or why
    return f"Parameter '{name}' failed to satisfy constraint: {said}"
