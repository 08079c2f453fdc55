"""Takes out of the blocks what is of an app that is gone; what others said beside it stays."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import zstandard

from tapwater_server.backends.sqlite.blocks import (
    Kind,
    encoded,
    insert,
    packed,
    row_of,
    whole,
)
from tapwater_server.ports.meter import LogLine, Record, Span

BLOCKS_MAX = 100  # In one transaction: what comes meanwhile waits.

_OF_APP = """
SELECT kind, seq_first, functions, data FROM block
WHERE instr(functions, :whose) > 0 LIMIT :count_max
"""
_DROP = "DELETE FROM block WHERE kind = :kind AND seq_first = :seq_first"
_DROP_TALLIES = "DELETE FROM tally WHERE app = :app"

_READ: Mapping[Kind, Callable[[bytes], list[Any]]] = {
    "record": msgspec.msgpack.Decoder(list[Record]).decode,
    "line": msgspec.msgpack.Decoder(list[LogLine]).decode,
    "span": msgspec.msgpack.Decoder(list[Span]).decode,
}


def erase(connection: sqlite3.Connection, app: str) -> bool:
    """Take out some; say whether there is more."""
    asked = {"whose": f"|{app}:", "count_max": BLOCKS_MAX}
    rows = connection.execute(_OF_APP, asked).fetchall()
    for kind, seq_first, functions, data in rows:
        connection.execute(_DROP, {"kind": kind, "seq_first": seq_first})
        if _has_others(functions, app):
            _put_others(connection, kind, seq_first, _others(kind, data, app))
    if not rows:
        connection.execute(_DROP_TALLIES, {"app": app})
    return bool(rows)


def _has_others(functions: str, app: str) -> bool:
    return any(one and not one.startswith(f"{app}:") for one in functions.split("|"))


def _others(kind: Kind, data: bytes, app: str) -> list[Any]:
    """Read what is of others; of a block that a disk has spoilt, nothing."""
    try:
        items = _READ[kind](whole(data))
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError):
        return []
    return [item for item in items if item.app != app]


def _put_others(
    connection: sqlite3.Connection, kind: Kind, seq_first: int, items: Sequence[Any]
) -> None:
    if items:
        same, raws = encoded(items)
        data = packed(len(raws), b"".join(raws))
        insert(connection, row_of(kind, same, last=seq_first + len(raws) - 1, data=data))
