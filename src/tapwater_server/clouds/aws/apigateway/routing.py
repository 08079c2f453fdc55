"""Paths to routes: a compiled table for each stage of an API. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

ANY = ("ANY", "X-AMAZON-APIGATEWAY-ANY-METHOD")
SEGMENTS_MAX = 200  # Of a request's path.


class Found(NamedTuple):
    """A place in the table, and what the path's parameters are there (as they were sent)."""

    methods: Mapping[str, str]  # method -> route; "ANY": of all others
    parameters: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    methods: dict[str, str] = field(default_factory=dict)
    literals: "dict[str, _Node]" = field(default_factory=dict)
    variables: "dict[str, _Node]" = field(default_factory=dict)
    greedy: "dict[str, _Node]" = field(default_factory=dict)


class Table:
    """Finds places: what is written out wins over a parameter, that over a greedy one."""

    def __init__(self, routes: Iterable[tuple[str, str, str]]) -> None:
        """Compile routes: method, path ("/items/{id}"), and what the route is called."""
        self._root = _Node()
        for method, path, route in routes:
            node = self._root
            for segment in split(path):
                node = _below(node, segment)
            node.methods["ANY" if method.upper() in ANY else method.upper()] = route

    def places(self, path: str) -> Iterator[Found]:
        """Give all places that a path leads to, the best first.

        >>> table = Table([("GET", "/a/{id}", "one"), ("ANY", "/{all+}", "rest")])
        >>> [(dict(found.methods), dict(found.parameters)) for found in table.places("/a/1")]
        [({'GET': 'one'}, {'id': '1'}), ({'ANY': 'rest'}, {'all': 'a/1'})]
        """
        segments = split(path)
        if len(segments) <= SEGMENTS_MAX:
            yield from _walk(self._root, segments, 0, {})

    def route(self, method: str, path: str) -> tuple[str, Mapping[str, str]] | None:
        """Find the best route for a method: a place that does not take it is passed over."""
        for methods, parameters in self.places(path):
            route = methods.get(method) or methods.get("ANY")
            if route is not None:
                return route, parameters
        return None


def split(path: str) -> Sequence[str]:
    """Take a path apart.

    >>> split("/"), split("/a/b"), split("/a/")
    ([], ['a', 'b'], ['a', ''])
    """
    inner = path[1:] if path.startswith("/") else path
    return inner.split("/") if inner else []


def _below(node: _Node, segment: str) -> _Node:
    if segment.startswith("{") and segment.endswith("+}"):
        return node.greedy.setdefault(segment[1:-2], _Node())
    if segment.startswith("{") and segment.endswith("}"):
        return node.variables.setdefault(segment[1:-1], _Node())
    return node.literals.setdefault(segment, _Node())


def _walk(
    node: _Node, segments: Sequence[str], at: int, parameters: Mapping[str, str]
) -> Iterator[Found]:
    if at == len(segments):
        if node.methods:
            yield Found(node.methods, parameters)
        return
    segment = segments[at]
    literal = node.literals.get(unquote(segment))
    if literal is not None:
        yield from _walk(literal, segments, at + 1, parameters)
    if segment:
        for name, below in node.variables.items():
            yield from _walk(below, segments, at + 1, {**parameters, name: segment})
    rest = "/".join(segments[at:])
    if rest:
        for name, below in node.greedy.items():
            yield Found(below.methods, {**parameters, name: rest})
