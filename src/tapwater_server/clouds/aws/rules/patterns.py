"""Event patterns: which events a rule or a filter means. Pure.

A pattern is compiled once and asked often. What is under one name must fit one of the tests given
for it; of an event's array one element must. Objects in arrays fit as wholes.
"""

import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

PATTERN_LENGTH_MAX = 4_096
DEPTH_MAX = 64
TESTS_MAX = 1_000  # Of one pattern.

Event = Mapping[str, Any]
Pattern = Callable[[Event], bool]
Test = Callable[[Any], bool]  # of one leaf; absent ones are _ABSENT


class BadPattern(ValueError):
    """This is no pattern; the message says why."""


class _Absent:
    """Stands for what an event does not have."""


_ABSENT = _Absent()


def compile_pattern(text: str | bytes, *, length_max: int = PATTERN_LENGTH_MAX) -> Pattern:
    """Read a pattern.

    >>> compile_pattern('{"source": [{"prefix": "shop."}]}')({"source": "shop.orders"})
    True

    Raises:
        BadPattern: it is none.
    """
    if len(text) > length_max:
        raise BadPattern(f"a pattern has at most {length_max} characters")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise BadPattern("it is not JSON") from None
    return Compiler().whole(said)


class Compiler:
    """Compiles one pattern, and counts what it takes."""

    def __init__(self) -> None:
        self._tests = 0

    def whole(self, said: Any) -> Pattern:
        """Compile a whole pattern.

        Raises:
            BadPattern: it is none.
        """
        if not isinstance(said, dict):
            raise BadPattern("it must be an object")
        if not said:
            raise BadPattern("it must not be empty")
        return self._object(said, depth=0)

    def _object(self, said: Mapping[str, Any], *, depth: int) -> Pattern:
        if depth > DEPTH_MAX:
            raise BadPattern("it is nested too deeply")
        if not said:
            raise BadPattern("empty objects are not allowed")
        parts = [self._member(name, value, depth=depth) for name, value in said.items()]
        return lambda event: all(part(event) for part in parts)

    def _member(self, name: str, said: Any, *, depth: int) -> Pattern:
        if name == "$or" and _is_or(said):
            return self._either(said, depth=depth)
        if isinstance(said, dict):
            below = self._object(said, depth=depth + 1)
            return lambda event: _inside(event.get(name, _ABSENT), below)
        if not isinstance(said, list):
            raise BadPattern(f'"{name}" must be an object or an array')
        if not said:
            raise BadPattern("empty arrays are not allowed")
        tests = [self._test(one) for one in said]
        return lambda event: _leaf(event.get(name, _ABSENT), tests)

    def _either(self, said: Sequence[Mapping[str, Any]], *, depth: int) -> Pattern:
        parts = [self._object(one, depth=depth + 1) for one in said]
        return lambda event: any(part(event) for part in parts)

    def _test(self, said: Any) -> Test:
        self._tests += 1
        if self._tests > TESTS_MAX:
            raise BadPattern(f"it has more than {TESTS_MAX} tests")
        if isinstance(said, dict):
            if len(said) != 1:
                raise BadPattern("only one test is allowed in an object")
            name, value = next(iter(said.items()))
            make = _TESTS.get(name)
            if make is None:
                raise BadPattern(f"unrecognized match type {name}")
            return make(value)
        if isinstance(said, list):
            raise BadPattern("an array cannot be within an array")
        return lambda value: _same(value, said)


def _is_or(said: Any) -> bool:
    """A field may be called $or, too."""
    return isinstance(said, list) and len(said) > 1 and all(isinstance(one, dict) for one in said)


def _inside(value: Any, below: Pattern) -> bool:
    if isinstance(value, list):
        return any(isinstance(one, dict) and below(one) for one in value)
    return below(value if isinstance(value, dict) else {})


def _leaf(value: Any, tests: Sequence[Test]) -> bool:
    leaves = value if isinstance(value, list) else [value]
    leaves = [_ABSENT if isinstance(one, (dict, list)) else one for one in leaves] or [_ABSENT]
    return any(test(one) for one in leaves for test in tests)


def _same(value: Any, said: Any) -> bool:
    """300 and 300.0 are not the same, nor 1 and true."""
    return type(value) is type(said) and bool(value == said)


def _text(said: Any, what: str) -> str:
    if not isinstance(said, str):
        raise BadPattern(f"{what} match pattern must be a string")
    return said


def _equals(said: Any) -> Test:
    wanted = _text(said, "equals-ignore-case").casefold()
    return lambda value: isinstance(value, str) and value.casefold() == wanted


def _affix(what: str, fits: Callable[[str, str], bool]) -> Callable[[Any], Test]:
    def make(said: Any) -> Test:
        if isinstance(said, dict) and list(said) == ["equals-ignore-case"]:
            folded = _text(said["equals-ignore-case"], what).casefold()
            return lambda value: isinstance(value, str) and fits(value.casefold(), folded)
        wanted = _text(said, what)
        return lambda value: isinstance(value, str) and fits(value, wanted)

    return make


def _wildcard(said: Any) -> Test:
    text = _text(said, "wildcard")
    parts, at = list[str](), 0
    while at < len(text):
        if text[at] == "\\":
            if text[at + 1 : at + 2] not in {"*", "\\"}:
                raise BadPattern("invalid escape character in a wildcard")
            parts.append(text[at + 1])
            at += 1
        elif text[at] == "*":
            if parts and parts[-1] == "":
                raise BadPattern("consecutive wildcard characters are not allowed")
            parts.append("")
        else:
            parts.append(text[at])
        at += 1
    return _globbed(parts)


def _globbed(parts: Sequence[str]) -> Test:
    """Fit texts, where an empty part stands for anything: piece by piece, so never slowly."""
    pieces = [""]
    for part in parts:
        if part:
            pieces[-1] += part
        else:
            pieces.append("")
    if len(pieces) == 1:
        return lambda value: bool(value == pieces[0])
    return lambda value: isinstance(value, str) and _fits_pieces(value, pieces)


def _fits_pieces(value: str, pieces: Sequence[str]) -> bool:
    first, *middle, last = pieces
    if not (value.startswith(first) and value.endswith(last)):
        return False
    at, end = len(first), len(value) - len(last)
    for one in middle:
        found = value.find(one, at, max(at, end))
        if found < 0:
            return False
        at = found + len(one)
    return at <= end


_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_BOUND_MAX = 5.0e9


def _numeric(said: Any) -> Test:
    if not isinstance(said, list) or len(said) not in {2, 4}:
        raise BadPattern("numeric match needs an operator and a value, or two of each")
    pairs = list(zip(said[::2], said[1::2], strict=True))
    for operator, bound in pairs:
        if not isinstance(operator, str) or operator not in _OPERATORS:
            raise BadPattern(f"unrecognized numeric range operator: {operator}")
        if not _is_number(bound) or abs(bound) > _BOUND_MAX:
            raise BadPattern("value of a numeric match must be a number from -5e9 to 5e9")
    if len(pairs) == 2 and (pairs[0][0][0] != ">" or pairs[1][0][0] != "<"):
        raise BadPattern("a numeric range begins with > or >= and ends with < or <=")
    if len(pairs) == 2 and pairs[0][1] >= pairs[1][1]:
        raise BadPattern("bottom must be less than top")
    return lambda value: (
        _is_number(value) and all(_OPERATORS[operator](value, bound) for operator, bound in pairs)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _exists(said: Any) -> Test:
    if not isinstance(said, bool):
        raise BadPattern("exists match pattern must be either true or false")
    return lambda value: (value is not _ABSENT) == said


def _cidr(said: Any) -> Test:
    try:
        network = ipaddress.ip_network(_text(said, "CIDR"), strict=False)
    except ValueError:
        raise BadPattern(f"malformed CIDR: {said}") from None

    def fits(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return fits


def _anything_but(said: Any) -> Test:
    """Of several that must not fit, none may."""
    if isinstance(said, dict):
        if len(said) != 1:
            raise BadPattern("only one test is allowed in anything-but")
        name, value = next(iter(said.items()))
        make = _NEGATED.get(name)
        if make is None:
            raise BadPattern(f"unsupported anything-but pattern: {name}")
        refused = [make(one) for one in (value if isinstance(value, list) else [value])]
    else:
        plain = said if isinstance(said, list) else [said]
        if not plain or any(isinstance(one, (dict, list)) for one in plain):
            raise BadPattern("anything-but must have a value, or a list of values")
        refused = [_plainly(one) for one in plain]
    return lambda value: value is not _ABSENT and not any(test(value) for test in refused)


def _plainly(said: Any) -> Test:
    return lambda value: _same(value, said)


_PREFIX = _affix("prefix", str.startswith)
_SUFFIX = _affix("suffix", str.endswith)
_NEGATED: Mapping[str, Callable[[Any], Test]] = {
    "prefix": _PREFIX,
    "suffix": _SUFFIX,
    "equals-ignore-case": _equals,
    "wildcard": _wildcard,
}
_TESTS: Mapping[str, Callable[[Any], Test]] = {
    **_NEGATED,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
}
