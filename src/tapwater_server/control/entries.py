"""The lists of tables in ``tapwater.toml`` about documents: ``[[indexes]]``, ``[[ttl]]``. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence

from tapwater_server.model.document.declared import Complaints, parse_indexes, parse_ttls

_PARSERS: Mapping[str, Callable[[object], Complaints]] = {
    "indexes": lambda raw: parse_indexes(raw)[1],
    "ttl": lambda raw: parse_ttls(raw)[1],
}


def complain(key: str, value: object, lines: Sequence[str]) -> list[tuple[int, str]]:
    """Say what is wrong with the entries of one key, each with its line (0: we cannot follow).

    >>> complain("ttl", [{"collection": "a"}], ["[[ttl]]", 'collection = "a"'])
    [(1, 'ttl, entry 1: field: name one, such as "expires_at"')]
    """
    return [
        (entry_line(lines, key, number), f"{key}, entry {number + 1}: {what}")
        for number, what in _PARSERS[key](value)
    ]


def entry_line(lines: Sequence[str], key: str, number: int) -> int:
    """Find the line where an entry begins, counted from 1; 0 if it is written in another way.

    >>> entry_line(["[[a]]", "x = 1", "[[a]]"], "a", 1)
    3
    """
    header = re.compile(rf"\s*\[\[\s*{re.escape(key)}\s*\]\]\s*(#.*)?")
    found = [at for at, line in enumerate(lines, 1) if header.fullmatch(line)]
    return found[number] if number < len(found) else 0
