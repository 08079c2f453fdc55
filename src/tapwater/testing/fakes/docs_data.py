"""What the fake of documents knows about JSON: order, conditions, operators."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tapwater.testing.fakes.answering import invalid

MISSING = object()


def names_of(field: str) -> list[str]:
    """Cut a place into names.

    >>> names_of(r"sizes.2\\.5")
    ['sizes', '2.5']
    """
    names, name, escaped = [], "", False
    for char in field:
        if escaped or char not in ".\\":
            name, escaped = name + char, False
        elif char == "\\":
            escaped = True
        else:
            names.append(name)
            name = ""
    names.append(name)
    if not all(names):
        raise invalid(f"{field!r} is no field: write names with dots between")
    return names


def pick(data: Any, names: Sequence[str]) -> Any:
    """Take the value at a place, or MISSING."""
    for name in names:
        if not isinstance(data, dict) or name not in data:
            return MISSING
        data = data[name]
    return data


def rank(value: Any) -> tuple[int, Any]:
    """Give what sorts as the platform does: by type, then by value.

    >>> sorted([[1], "b", 10, None, True, 9.5], key=rank)
    [None, True, 9.5, 10, 'b', [1]]
    """
    if value is MISSING or value is None:
        return (0 if value is MISSING else 1, 0)
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, (int, float)):
        return (3, value)
    if isinstance(value, str):
        return (4, value)
    if isinstance(value, list):
        return (5, [rank(each) for each in value])
    return (6, [(name, rank(value[name])) for name in sorted(value)])


def same(a: Any, b: Any) -> bool:
    return rank(a) == rank(b)


def matches(condition: Any, data: Any) -> bool:
    """Say whether a condition holds of a document's data."""
    if isinstance(condition, dict):
        if "and" in condition:
            return all(matches(each, data) for each in condition["and"])
        return any(matches(each, data) for each in condition["or"])
    field, op, wanted = condition
    value = pick(data, names_of(field))
    if op == "exists":
        return (value is not MISSING) is wanted
    if op not in _TESTS:
        raise invalid(f"there is no operator {op!r}")
    return value is not MISSING and _TESTS[op](value, wanted)


def _ranged(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: (
        rank(value)[0] == rank(wanted)[0] and test(rank(value), rank(wanted))
    )


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": same,
    "!=": lambda value, wanted: not same(value, wanted),
    "in": lambda value, wanted: any(same(value, each) for each in wanted),
    "not in": lambda value, wanted: not any(same(value, each) for each in wanted),
    "<": _ranged(lambda a, b: a < b),
    "<=": _ranged(lambda a, b: a <= b),
    ">": _ranged(lambda a, b: a > b),
    ">=": _ranged(lambda a, b: a >= b),
    "contains": lambda value, wanted: (
        isinstance(value, list) and any(same(each, wanted) for each in value)
    ),
    "starts with": lambda value, wanted: isinstance(value, str) and value.startswith(wanted),
}


def merged(into: Mapping[str, Any], data: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Put fields into an object, objects into objects, and work out operators."""
    new = dict(into)
    for name, value in data.items():
        if name.startswith("$") or not name:
            raise invalid(f"data.{name} names are not empty and begin without $")
        if isinstance(value, dict) and not _is_operator(value):
            under = new.get(name)
            new[name] = merged(under if isinstance(under, dict) else {}, value, now)
        else:
            _put(new, name, value, now)
    return new


def placed(data: Mapping[str, Any], names: Sequence[str], value: Any, now: float) -> dict[str, Any]:
    """Put a value at its place; objects on the way are made."""
    new, name = dict(data), names[0]
    if len(names) > 1:
        under = new.get(name)
        new[name] = placed(under if isinstance(under, dict) else {}, names[1:], value, now)
    elif isinstance(value, dict) and not _is_operator(value):
        new[name] = merged({}, value, now)
    else:
        _put(new, name, value, now)
    return new


def _is_operator(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def _put(into: dict[str, Any], name: str, value: Any, now: float) -> None:
    worked = _worked(value, into.get(name), name, now) if isinstance(value, dict) else value
    if worked is MISSING:
        into.pop(name, None)
    else:
        into[name] = worked


def _worked(value: Mapping[str, Any], there: Any, name: str, now: float) -> Any:
    ((operator, given),) = value.items()
    if operator == "$delete":
        return MISSING
    if operator == "$now":
        return now
    if operator == "$increment":
        if isinstance(there, bool) or not isinstance(there, (int, float, type(None))):
            raise invalid(f"{name} is not a number and cannot be incremented")
        return (there or 0) + given
    if operator not in ("$union", "$remove"):
        raise invalid(f"data.{name}: there is no operator {operator!r}")
    if there is not None and not isinstance(there, list):
        raise invalid(f"{name} is not a list")
    return _combined(operator, there or [], given)


def _combined(operator: str, there: list[Any], given: list[Any]) -> list[Any]:
    if operator == "$remove":
        return [each for each in there if not any(same(each, item) for item in given)]
    kept = list(there)
    for item in given:
        if not any(same(item, each) for each in kept):
            kept.append(item)
    return kept
