"""What somebody wants to send, from the command line, a file or stdin, as an API takes it."""

import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tapwater_server.cli.failures import CommandFailed, Exit

_BODY_BYTES_MAX = 2 << 20  # More than any service takes in one piece.


def read_content(said: str, *, json_name: str, as_text: bool = False) -> dict[str, Any]:
    """Take ``said`` as JSON if it is, else as text; ``-`` is stdin, ``@FILE`` a file's bytes.

    >>> read_content('{"to": "ada"}', json_name="body")
    {'body': {'to': 'ada'}}
    >>> read_content("hello", json_name="body", as_text=True)
    {'text': 'hello'}

    Raises:
        CommandFailed: it cannot be read, or is too large.
    """
    if said != "-" and not said.startswith("@"):
        return _of_text(said, json_name, as_text=as_text)
    raw = _read(said)
    try:
        return _of_text(raw.decode(), json_name, as_text=as_text)
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def read_pairs(texts: Sequence[str], mark: str = "=") -> list[tuple[str, str]]:
    """Read ``key=value`` or ``name:value``.

    >>> read_pairs(["accept: text/html"], ":")
    [('accept', 'text/html')]

    Raises:
        CommandFailed: the mark is missing.
    """
    pairs = []
    for text in texts:
        key, found, value = text.partition(mark)
        if not found or not key.strip():
            raise CommandFailed(f"{text!r}: write NAME{mark}VALUE", exit=Exit.USAGE, code="usage")
        pairs.append((key.strip(), value.strip() if mark == ":" else value))
    return pairs


def _of_text(text: str, json_name: str, *, as_text: bool) -> dict[str, Any]:
    try:
        return {json_name: json.loads(text)}
    except ValueError:
        return {"text": text} if as_text else {json_name: text}


def _read(said: str) -> bytes:
    try:
        if said == "-":
            raw = sys.stdin.buffer.read(_BODY_BYTES_MAX + 1)
        else:
            with Path(said[1:]).expanduser().open("rb") as file:
                raw = file.read(_BODY_BYTES_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"{said[1:]} cannot be read: {error}", exit=Exit.USAGE) from error
    if len(raw) > _BODY_BYTES_MAX:
        raise CommandFailed(
            f"that is more than {_BODY_BYTES_MAX >> 20} MB", exit=Exit.USAGE, code="usage"
        )
    return raw
