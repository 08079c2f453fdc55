"""TOML from somebody we do not trust: the library's own parser, with ceilings around it. Pure."""

import tomllib
from typing import Any

BYTES_MAX = 256 << 10  # Settings by hand are a few KiB.
DOTS_MAX = 500  # On one line: the time a dotted key takes grows with the square of its parts.
DEPTH_MAX = 32
_NUMBER_MAX = 1 << 64  # Larger ones cannot even be printed in a complaint.


def read_toml(text: str) -> dict[str, Any]:
    """Parse a TOML file.

    >>> read_toml('name = "shop"')
    {'name': 'shop'}

    Raises:
        tomllib.TOMLDecodeError: it is none, or it is made to be expensive.
    """
    if len(text) > BYTES_MAX:
        raise tomllib.TOMLDecodeError(f"more than {BYTES_MAX >> 10} KiB of settings")
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(".") > DOTS_MAX:
            raise tomllib.TOMLDecodeError(f"more than {DOTS_MAX} dots (at line {number})")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise tomllib.TOMLDecodeError(f"this cannot be read: {error}") from error
    _check(found)
    return found


def _check(found: dict[str, Any]) -> None:
    """Refuse what would break whoever walks over it later."""
    todo: list[tuple[Any, int]] = [(found, 0)]
    while todo:
        value, depth = todo.pop()
        if depth > DEPTH_MAX:
            raise tomllib.TOMLDecodeError(f"tables within tables, more than {DEPTH_MAX} deep")
        if isinstance(value, int) and abs(value) > _NUMBER_MAX:
            raise tomllib.TOMLDecodeError("a number of more than 64 bits")
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            todo += [(one, depth + 1) for one in inner]
