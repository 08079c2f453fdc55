"""Patterns of policies: ``*``, ``?`` and ``${aws:username}``, matched in bounded time. Pure."""

import re
from collections.abc import Mapping, Sequence

# Stand for what is a wildcard, so that a star in the value of a variable is none.
_MANY, _ONE = "\ue000", "\ue001"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}
_NOTHING = "\ue002"  # A variable without a value fits nothing.


def readied(pattern: str, context: Mapping[str, Sequence[str]]) -> str:
    """Put in the variables, and mark the wildcards.

    >>> fits(readied("home/${aws:username}/*", {"aws:username": ["ann"]}), "home/ann/a")
    True
    """
    if "$" not in pattern:
        return pattern.replace("*", _MANY).replace("?", _ONE)
    out, at = [], 0
    for found in _VARIABLE.finditer(pattern):
        out.append(pattern[at : found.start()].replace("*", _MANY).replace("?", _ONE))
        out.append(_value(found[1], context))
        at = found.end()
    out.append(pattern[at:].replace("*", _MANY).replace("?", _ONE))
    return "".join(out)


def fits(pattern: str, text: str) -> bool:
    """Say whether a readied pattern fits. Never slower than the lengths multiplied.

    >>> fits(readied("s3:Get*", {}), "s3:GetObject"), fits(readied("a?c", {}), "ac")
    (True, False)
    """
    at = place = 0
    star, kept = -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] in (text[at], _ONE):
            at, place = at + 1, place + 1
        elif place < len(pattern) and pattern[place] == _MANY:
            star, kept, place = place, at, place + 1
        elif star >= 0:
            kept += 1
            at, place = kept, star + 1
        else:
            return False
    return pattern[place:].strip(_MANY) == ""


def _value(name: str, context: Mapping[str, Sequence[str]]) -> str:
    if name in _LITERALS:
        return _LITERALS[name]
    key, _, default = name.partition(",")
    values = context.get(key.strip().lower())
    if values:
        return values[0]
    return default.strip().strip("'") if default else _NOTHING
