"""Which line of a table a path means. Pure: the most exact path wins, then the earlier line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote

from tapwater_server.model.errors import Invalid


class Placed(Protocol):
    """A line of a table: it has a path."""

    @property
    def path(self) -> str: ...


Line = TypeVar("Line", bound=Placed)
_LITERAL, _ONE, _REST, _END = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Pattern:
    """A path taken apart: segments, and which of them stand for something.

    >>> Pattern.read("/docs/{path:path}").match(["docs", "users", "42"])
    {'path': 'users/42'}
    """

    segments: tuple[tuple[int, str], ...]  # kind, and the text or the name
    rest: int  # where {name:path} is; -1: nowhere

    @classmethod
    def read(cls, path: str) -> "Pattern":
        segments = tuple(_segment(text) for text in path.split("/")[1:])
        rests = [at for at, (kind, _) in enumerate(segments) if kind == _REST]
        assert len(rests) <= 1, path
        return cls(segments, rests[0] if rests else -1)

    @property
    def exactness(self) -> tuple[int, ...]:
        """Sorts the more exact patterns first, the longer ones before their beginnings."""
        return (*(kind for kind, _ in self.segments), _END)

    def takes(self, size: int) -> bool:
        """Say whether a path of so many segments can fit."""
        return size == len(self.segments) if self.rest < 0 else size >= len(self.segments)

    def match(self, given: Sequence[str]) -> dict[str, str] | None:
        """Give the parameters, or None where the path is another one."""
        if self.rest < 0:
            return _fit(self.segments, given)
        after = len(self.segments) - self.rest - 1
        end = len(given) - after
        if end <= self.rest:
            return None
        head = _fit(self.segments[: self.rest], given[: self.rest])
        tail = _fit(self.segments[self.rest + 1 :], given[end:]) if after else {}
        if head is None or tail is None:
            return None
        return {**head, self.segments[self.rest][1]: "/".join(given[self.rest : end]), **tail}


def _segment(text: str) -> tuple[int, str]:
    if not text.startswith("{"):
        return _LITERAL, text
    name = text[1:-1]
    assert text.endswith("}"), text
    return (_REST, name.removesuffix(":path")) if name.endswith(":path") else (_ONE, name)


def _fit(segments: Sequence[tuple[int, str]], given: Sequence[str]) -> dict[str, str] | None:
    if len(segments) != len(given):
        return None
    found: dict[str, str] = {}
    for (kind, text), said in zip(segments, given, strict=True):
        if kind == _ONE and said:
            found[text] = said
        elif said != text or kind == _ONE:
            return None
    return found


class Routes(Generic[Line]):
    """A table made ready to be looked at for each request."""

    def __init__(self, lines: Iterable[Line]) -> None:
        read = [(Pattern.read(line.path), line) for line in lines]
        read.sort(key=lambda pair: pair[0].exactness)  # Stable: the earlier line stays first.
        self._by_first: dict[str, _Sized[Line]] = {}
        for pattern, line in read:
            kind, first = pattern.segments[0]
            assert kind == _LITERAL, f"{line.path}: a path begins with the name of its service"
            self._by_first.setdefault(first, _Sized()).add(pattern, line)

    @property
    def names(self) -> frozenset[str]:
        """The first segments there are: the services."""
        return frozenset(self._by_first)

    def find(self, segments: Sequence[str]) -> list[tuple[Line, Mapping[str, str]]]:
        """Give every line that a path fits, the most exact first."""
        return list(self._fitting(segments))

    def first(self, segments: Sequence[str]) -> tuple[Line, Mapping[str, str]] | None:
        """Give the most exact line that a path fits; the others are not looked at."""
        return next(self._fitting(segments), None)

    def _fitting(self, segments: Sequence[str]) -> Iterator[tuple[Line, Mapping[str, str]]]:
        sized = self._by_first.get(segments[0] if segments else "")
        for pattern, line in sized.of(len(segments)) if sized is not None else ():
            params = pattern.match(segments)
            if params is not None:
                yield line, params


class _Sized(Generic[Line]):
    """The lines of one service, by how many segments a path has that may fit them."""

    def __init__(self) -> None:
        self._all: list[tuple[Pattern, Line]] = []
        self._by_size: list[list[tuple[Pattern, Line]]] = []

    def add(self, pattern: Pattern, line: Line) -> None:
        self._all.append((pattern, line))
        sizes = range(max(len(one.segments) for one, _ in self._all) + 2)
        self._by_size = [[one for one in self._all if one[0].takes(size)] for size in sizes]

    def of(self, size: int) -> Sequence[tuple[Pattern, Line]]:
        """Give the lines for so many segments; beyond the longest pattern it is always the same."""
        return self._by_size[min(size, len(self._by_size) - 1)]


def split_path(path: str) -> list[str]:
    """Take a percent-encoded path apart; each segment is decoded by itself.

    >>> split_path("/docs/users/a%2Fb")
    ['docs', 'users', 'a/b']

    Raises:
        Invalid: it does not begin with a slash, is no UTF-8, or has a NUL in it.
    """
    if "%" in path:
        try:
            segments = [unquote(part, errors="strict") for part in path.split("/")]
        except UnicodeDecodeError:
            raise Invalid("the path is not UTF-8") from None
    else:
        segments = path.split("/")
    if segments[0] or len(segments) < 2:
        raise Invalid("a path begins with a slash")
    if "\0" in path or ("%00" in path and any("\0" in segment for segment in segments)):
        raise Invalid("a path has no NUL in it")
    return segments[1:]
