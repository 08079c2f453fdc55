"""Two trees of topic levels: filters that are found by a name, and names found by a filter."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("below", "held")

    def __init__(self) -> None:
        self.below: dict[str, _Node[T]] = {}
        self.held: dict[Hashable, T] = {}

    def is_empty(self) -> bool:
        return not self.below and not self.held


class FilterTree(Generic[T]):
    """Holds values under filters; ``match()`` gives those whose filter hears a topic."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, filter: str, key: Hashable, value: T) -> None:
        """Put a value under (filter, key), in place of an earlier one."""
        _reach(self._root, filter).held[key] = value

    def find(self, filter: str, key: Hashable) -> T | None:
        node: _Node[T] | None = self._root
        for level in filter.split("/"):
            node = node.below.get(level) if node is not None else None
        return node.held.get(key) if node is not None else None

    def remove(self, filter: str, key: Hashable) -> T | None:
        """Take a value away, and the branch with it if nothing else is on it."""
        path = [self._root]
        levels = filter.split("/")
        for level in levels:
            below = path[-1].below.get(level)
            if below is None:
                return None
            path.append(below)
        value = path[-1].held.pop(key, None)
        _prune(path, levels)
        return value

    def match(self, topic: str) -> list[T]:
        """Find what hears a topic. Wildcards at the start do not hear what begins with a $."""
        levels = topic.split("/")
        found: list[T] = []
        nodes = [self._root]
        for at, level in enumerate(levels):
            wild = at > 0 or topic[:1] != "$"
            following: list[_Node[T]] = []
            for node in nodes:
                below = node.below
                if level in below:
                    following.append(below[level])
                if wild and "+" in below and level != "+":
                    following.append(below["+"])
                if wild and "#" in below:
                    found.extend(below["#"].held.values())
            nodes = following
        for node in nodes:
            found.extend(node.held.values())
            if "#" in node.below:  # "a/#" hears "a" too.
                found.extend(node.below["#"].held.values())
        return found


class NameTree(Generic[T]):
    """Holds one value under each topic name; ``match()`` gives those that a filter hears."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._flat: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._flat)

    def __contains__(self, topic: str) -> bool:
        return topic in self._flat

    def get(self, topic: str) -> T | None:
        return self._flat.get(topic)

    def values(self) -> Iterator[T]:
        """All there are, in the order they were first put."""
        return iter(self._flat.values())

    def put(self, topic: str, value: T) -> None:
        self._flat[topic] = value
        _reach(self._root, topic).held[""] = value

    def remove(self, topic: str) -> T | None:
        value = self._flat.pop(topic, None)
        if value is not None:
            path = [self._root]
            levels = topic.split("/")
            for level in levels:
                path.append(path[-1].below[level])
            path[-1].held.clear()
            _prune(path, levels)
        return value

    def match(self, filter: str) -> list[T]:
        """Find what a filter hears."""
        if "+" not in filter and "#" not in filter:
            value = self._flat.get(filter)
            return [] if value is None else [value]
        nodes = [self._root]
        for at, level in enumerate(filter.split("/")):
            if level == "#":
                return [value for node in nodes for value in _everything(node, top=at == 0)]
            nodes = [below for node in nodes for below in _step(node, level, top=at == 0)]
        return [value for node in nodes for value in node.held.values()]


def _step(node: _Node[T], level: str, *, top: bool) -> Iterator[_Node[T]]:
    if level == "+":
        for name, below in node.below.items():
            if not (top and name[:1] == "$"):
                yield below
    elif level in node.below:
        yield node.below[level]


def _everything(node: _Node[T], *, top: bool) -> Iterator[T]:
    """Give all values of a branch, without recursion: a topic may be deep."""
    if not top:
        yield from node.held.values()
    waiting = [below for name, below in node.below.items() if not (top and name[:1] == "$")]
    while waiting:
        here = waiting.pop()
        yield from here.held.values()
        waiting.extend(here.below.values())


def _reach(root: _Node[T], path: str) -> _Node[T]:
    node = root
    for level in path.split("/"):
        below = node.below.get(level)
        if below is None:
            below = node.below[level] = _Node()
        node = below
    return node


def _prune(path: list[_Node[T]], levels: list[str]) -> None:
    for at in range(len(levels), 0, -1):
        if not path[at].is_empty():
            return
        del path[at - 1].below[levels[at - 1]]
