"""Which messages a mapping's filters let through. Pure."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tapwater_server.clouds.aws.rules.patterns import Pattern, compile_pattern

COMPILED_MAX = 1_000


def passes(record: Mapping[str, Any], filters: Sequence[str]) -> bool:
    """Say whether a message is told: one of the patterns fits, or there is none.

    >>> passes({"body": '{"shop": 7}'}, ['{"body": {"shop": [7]}}'])
    True
    >>> passes({"body": "plain"}, ['{"body": {"shop": [7]}}'])
    False
    """
    return not filters or any(_fits(record, text) for text in filters)


def _fits(record: Mapping[str, Any], text: str) -> bool:
    pattern, shape = _compiled(text)
    if shape is None:
        return pattern(record)
    body = _read(record.get("body"))
    if (shape is dict) != isinstance(body, dict):
        return False  # A pattern for JSON never means a text, nor the other way round.
    return pattern({**record, "body": body if shape is dict else record.get("body")})


def _read(body: Any) -> Any:
    try:
        return json.loads(body)
    except (TypeError, ValueError, RecursionError):
        return body


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(text: str) -> tuple[Pattern, type | None]:
    """Compile a pattern; say also what it expects of the body, if anything."""
    said = json.loads(text)
    return compile_pattern(text), type(said["body"]) if "body" in said else None
