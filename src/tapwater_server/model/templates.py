"""A text made of an event: ``"data.user_id"`` or ``"{subject}:{data.user_id}"``. Pure."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from tapwater_server.model.errors import Invalid

TEMPLATE_CHARS_MAX = 512
KEY_CHARS_MAX = 512  # Of what comes out: a key is stored with each errand.
ATTRIBUTES = frozenset({"id", "type", "source", "subject", "key", "root"})
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*")
_HOLE = re.compile(r"\{([^{}]*)\}")

Look = Callable[[str], Any]  # the value of an event's attribute, "data", "params" or an extension


@lru_cache(maxsize=4096)
def parse_template(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Take a template apart into pairs of plain text and the path that follows it.

    >>> parse_template("data.user_id")
    (('', ('data', 'user_id')),)
    >>> parse_template("u-{subject}!")
    (('u-', ('subject',)), ('!', ()))

    Raises:
        Invalid: it is none.
    """
    if not text or len(text) > TEMPLATE_CHARS_MAX:
        raise Invalid(f"a key has 1 to {TEMPLATE_CHARS_MAX} characters")
    if "{" not in text and "}" not in text:
        return (("", _path(text)),)
    found, at = [], 0
    for hole in _HOLE.finditer(text):
        found.append((text[at : hole.start()], _path(hole[1])))
        at = hole.end()
    plain = [part for part, _ in found] + [text[at:]]
    if any(brace in part for part in plain for brace in "{}"):
        raise Invalid(f"{text!r} has a brace that belongs to nothing")
    if text[at:]:
        found.append((text[at:], ()))
    return tuple(found)


def fill(template: str, look: Look) -> str:
    """Fill a template in; what an event does not have is empty.

    >>> fill("{subject}/{data.n}", {"subject": "a", "data": {"n": 7}}.get)
    'a/7'
    """
    text = "".join(
        plain + (_shown(look, path) if path else "") for plain, path in parse_template(template)
    )
    return text[:KEY_CHARS_MAX]


def _path(text: str) -> tuple[str, ...]:
    if not _PATH.fullmatch(text):
        raise Invalid(
            f"{text!r} is no part of an event: write such as 'subject', 'data.user_id' or "
            "'{subject}-{params.id}'"
        )
    first, *rest = text.split(".")
    if rest and first not in {"data", "params"}:
        raise Invalid(f"{text!r}: only data and params have parts")
    return (first, *rest)


def _shown(look: Look, path: tuple[str, ...]) -> str:
    value = look(path[0])
    for step in path[1:]:
        value = value.get(step) if isinstance(value, Mapping) else None
    if value is None or isinstance(value, Mapping | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
