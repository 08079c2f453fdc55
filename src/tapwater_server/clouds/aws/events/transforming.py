"""What a target is told of an event: all, a part, a constant, or a template filled in. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

PATHS_MAX = 100
_STEP = re.compile(r"\.([A-Za-z0-9_\-$]+)|\['([^']+)'\]|\[\"([^\"]+)\"\]|\[(\d{1,6}|\*)\]")
_VARIABLE = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_MISSING = object()


class BadInput(ValueError):
    """This is no path or template; the message says why."""


def transformed(
    event: Mapping[str, Any], target: Mapping[str, Any], facts: Mapping[str, Any]
) -> str:
    """Write what a target is told. ``facts`` are the reserved variables (aws.events.rule-arn …).

    >>> transformed({"detail": {"a": 1}}, {"InputPath": "$.detail"}, {})
    '{"a": 1}'
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = look(event, target["InputPath"])
        return json.dumps(None if found is _MISSING else found, ensure_ascii=False)
    if "InputTransformer" in target:
        said = target["InputTransformer"]
        return fill(said["InputTemplate"], said.get("InputPathsMap") or {}, event, facts)
    return json.dumps(event, ensure_ascii=False)


def check_path(path: str) -> None:
    """Refuse what is no path.

    Raises:
        BadInput: it is none.
    """
    _steps(path)


def _steps(path: str) -> list[str | int]:
    if not path.startswith("$"):
        raise BadInput(f"{path[:100]!r} does not begin with $")
    steps, at = list[str | int](), 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise BadInput(f"{path[:100]!r} is not a path like $.detail.state")
        name, quoted, double, index = match.groups()
        steps.append(name or quoted or double or (index if index == "*" else int(index)))
        at = match.end()
    return steps


def look(event: Any, path: str) -> Any:
    """Look up a path; what is not there is a marker of its own.

    >>> look({"a": [{"b": 7}]}, "$.a[0].b")
    7
    """
    return _follow(event, _steps(path))


def _follow(found: Any, steps: list[str | int]) -> Any:
    for place, step in enumerate(steps):
        if step == "*" and isinstance(found, list):
            return [_follow(one, steps[place + 1 :]) for one in found]
        if isinstance(step, int):
            if not isinstance(found, list) or step >= len(found):
                return _MISSING
            found = found[step]
        elif isinstance(found, dict) and step in found:
            found = found[step]
        else:
            return _MISSING
    return found


def fill(
    template: str, paths: Mapping[str, str], event: Mapping[str, Any], facts: Mapping[str, Any]
) -> str:
    """Fill a template. In a text of the template a value is text, elsewhere it is JSON.

    >>> fill('{"said": "it is <n>", "n": <n>}', {"n": "$.detail"}, {"detail": 5}, {})
    '{"said": "it is 5", "n": 5}'
    """
    values = {name: look(event, path) for name, path in paths.items()}
    values |= facts
    inside = _inside_texts(template)

    def put(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        quoted = match.start() in inside
        if value is _MISSING:
            return "" if quoted else '""'
        if not quoted:
            return json.dumps(value, ensure_ascii=False)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return json.dumps(text, ensure_ascii=False)[1:-1]

    return _VARIABLE.sub(put, template)


def _inside_texts(template: str) -> set[int]:
    """Say at which places a text of JSON goes on."""
    found, inside, escaped = set[int](), False, False
    for place, character in enumerate(template):
        if inside:
            found.add(place)
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            inside = not inside
    return found


def check_template(template: str, paths: Mapping[str, str]) -> None:
    """Refuse a template that cannot be filled.

    Raises:
        BadInput: a path is none, or there are too many.
    """
    if len(paths) > PATHS_MAX:
        raise BadInput(f"there are at most {PATHS_MAX} paths")
    for name, path in paths.items():
        if name.startswith("AWS."):
            raise BadInput("names that begin with AWS. are reserved")
        check_path(path)
    used = {match[1] for match in _VARIABLE.finditer(template)}
    strange = sorted(one for one in used - set(paths) if not one.startswith("aws.events."))
    if strange:
        raise BadInput(f"InputTemplate for target has invalid placeholder {strange[0]}")
