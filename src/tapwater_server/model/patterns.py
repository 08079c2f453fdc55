"""Patterns of what a function listens to, and what their ``{names}`` stand for. Pure.

users/{id}                    one segment; its text is the parameter ``id``
users/{uid}/orders/{id}       documents of sub-collections
avatars/{user}/*.png          ``*`` is any text within a segment
avatars/**                    ``**`` is any number of segments
sensors/+/temperature         MQTT's ``+`` (one level) and ``#`` (all levels below)
shop.order.*                  ``*`` in the type or source of an event is any text
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from tapwater_server.model.errors import Invalid

PATTERN_CHARS_MAX = 512
STARS_MAX = 4  # Of ``*`` and ``**``: more of them make matching slow, and nobody needs them.
SUBJECT_CHARS_MAX = 4096  # What is longer matches nothing.

Match = Callable[[str], Mapping[str, str] | None]  # a subject -> the parameters, or None

_PIECE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}|(\*\*/)|(\*\*)|(\*)|([^{}*]+)|([{}])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(maxsize=4096)
def path_pattern(pattern: str) -> Match:
    """Compile a pattern of paths: of documents or blobs.

    >>> path_pattern("users/{id}/orders/{order}")("users/7/orders/9")
    {'id': '7', 'order': '9'}
    >>> path_pattern("avatars/**")("avatars/2026/7.png")
    {}

    Raises:
        Invalid: it is none.
    """
    _check(pattern)
    if pattern.startswith("/") or pattern.endswith("/") or "//" in pattern:
        raise Invalid(f"the pattern {pattern!r} has an empty part: write such as 'users/{{id}}'")
    parts: list[str] = []
    for name, deep_slash, deep, star, text, stray in _PIECE.findall(pattern):
        if stray:
            raise Invalid(f"the pattern {pattern!r} has a brace that belongs to nothing")
        if name:
            parts.append(_group(name, parts, pattern))
        elif deep_slash:
            parts.append("(?:.+/)?")
        elif deep:
            parts.append(".+")
        elif star:
            parts.append("[^/]*")
        else:
            parts.append(re.escape(text))
    return _full(parts)


def document_pattern(pattern: str) -> Match:
    """Compile a pattern of documents: collections and ids take turns.

    >>> document_pattern("users/{id}")("users/42")
    {'id': '42'}

    Raises:
        Invalid: it is none.
    """
    match = path_pattern(pattern)
    if "**" not in pattern and pattern.count("/") % 2 == 0:
        raise Invalid(f"{pattern!r} names a collection, not documents: write '{pattern}/{{id}}'")
    return match


@lru_cache(maxsize=4096)
def topic_pattern(pattern: str) -> Match:
    """Compile an MQTT topic filter; a level may also be ``{name}``, a ``+`` with a name.

    >>> topic_pattern("sensors/{id}/temperature")("sensors/3/temperature")
    {'id': '3'}
    >>> topic_pattern("sensors/#")("sensors")
    {}

    Raises:
        Invalid: it is none.
    """
    if not pattern or len(pattern) > PATTERN_CHARS_MAX or "\0" in pattern:
        raise Invalid(f"a topic filter has 1 to {PATTERN_CHARS_MAX} characters")
    levels = pattern.split("/")
    parts: list[str] = ["(?!\\$)"] if levels[0] in {"+", "#"} or levels[0][:1] == "{" else []
    for index, level in enumerate(levels):
        slash = "/" if index else ""
        if level == "#":
            if index != len(levels) - 1:
                raise Invalid(f"the topic filter {pattern!r} goes on after '#'")
            parts.append("(?:/.*)?" if index else ".*")
        elif level == "+":
            parts.append(f"{slash}[^/]*")
        elif level[:1] == "{" and level[-1:] == "}" and _NAME.fullmatch(level[1:-1]):
            parts.append(slash + _group(level[1:-1], parts, pattern, piece="[^/]*"))
        elif set(level) & set("+#{}"):
            raise Invalid(f"{level!r} in the topic filter {pattern!r}: '+' and '#' stand alone")
        else:
            parts.append(slash + re.escape(level))
    return _full(parts)


@lru_cache(maxsize=4096)
def words_pattern(pattern: str) -> Match:
    """Compile a pattern of an event's type or source: ``*`` is any text.

    >>> words_pattern("shop.order.*")("shop.order.paid")
    {}

    Raises:
        Invalid: it is none.
    """
    _check(pattern)
    return _full([".*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", pattern)])


def filter_of(pattern: str) -> str:
    """Give the plain MQTT filter of a topic pattern.

    >>> filter_of("sensors/{id}/temperature")
    'sensors/+/temperature'
    """
    return "/".join("+" if level[:1] == "{" else level for level in pattern.split("/"))


def _check(pattern: str) -> None:
    if not pattern or len(pattern) > PATTERN_CHARS_MAX or "\0" in pattern:
        raise Invalid(f"a pattern has 1 to {PATTERN_CHARS_MAX} characters")
    if len(re.findall(r"\*+", pattern)) > STARS_MAX:
        raise Invalid(f"the pattern {pattern!r} has more than {STARS_MAX} stars")


def _group(name: str, parts: list[str], pattern: str, *, piece: str = "[^/]+") -> str:
    group = f"(?P<{name}>"
    if any(group in part for part in parts):
        raise Invalid(f"the pattern {pattern!r} names {{{name}}} twice")
    return f"{group}{piece})"


def _full(parts: list[str]) -> Match:
    compiled = re.compile("".join(parts), re.DOTALL)

    def match(subject: str) -> Mapping[str, str] | None:
        if len(subject) > SUBJECT_CHARS_MAX:
            return None
        found = compiled.fullmatch(subject)
        return None if found is None else found.groupdict()

    return match
