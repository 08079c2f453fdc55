"""Headers as handlers see them, and the check that none of them smuggles another one in."""

import re
from collections.abc import Iterable, Iterator, Mapping

Pairs = list[tuple[bytes, bytes]]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")  # RFC 9110, 5.6.2, in lower case
_BREAKS = re.compile(rb"[\r\n\0]")


class Headers(Mapping[str, str]):
    """Headers by name, upper or lower case. Of a repeated one, the last; ``all`` gives each.

    >>> Headers([("Accept", "a"), ("accept", "b")])["ACCEPT"]
    'b'
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def __getitem__(self, name: str) -> str:
        lower = name.lower()
        for known, value in reversed(self._pairs):
            if known == lower:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def all(self, name: str) -> list[str]:
        """Every value of that name, in order."""
        lower = name.lower()
        return [value for known, value in self._pairs if known == lower]


def sendable(pairs: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Headers as they go out: names in lower case, values stripped.

    >>> sendable([(b"Accept", b" a ")])
    [(b'accept', b'a')]

    Raises:
        ValueError: a name that is none, or a value with a line break.
    """
    checked: Pairs = []
    for raw_name, raw_value in pairs:
        name, value = bytes(raw_name).lower(), bytes(raw_value).strip()
        if _TOKEN.fullmatch(name) is None:
            raise ValueError(f"{name.decode('latin-1')!r} is no name of a header")
        if _BREAKS.search(value) is not None:
            raise ValueError(f"the header {name.decode()} may not have line breaks in it")
        checked.append((name, value))
    return checked


def encoded(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """The same of texts, which go out as UTF-8.

    Raises:
        ValueError: as ``sendable``.
    """
    return sendable([(name.encode(), value.encode()) for name, value in pairs])
