"""Which function answers a path: compiled once per revision. Pure.

A fixed segment goes before ``{name}``, that before ``{...name}`` at the end (a catch-all), and that
before a mounted app above; what lies deeper goes before what lies higher. One slash at the end does
not matter. Nothing is redirected.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tapwater_server.model.function import Function

SEGMENTS_MAX = 256  # More slashes than that are no path of ours.


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A function as a route leads to it, with what is needed per request made ready."""

    function: Function
    verbs: frozenset[str]  # empty: all of them
    allow: bytes  # the Allow header
    mount: bool
    websocket: bool
    guarded: bool  # who asks, or how often, matters


class Match(NamedTuple):
    """Where a path leads. ``root_path`` is not empty for mounted apps only."""

    target: Target
    params: dict[str, str] | None
    path: str
    root_path: str
    exact: bool = True  # False: a catch-all or a mount; a file of the app goes before it


Names = tuple[tuple[int, str], ...]  # which segment gives which parameter


class _Node:
    """One level of the tree of segments."""

    __slots__ = ("fixed", "mounted", "names", "param", "rest", "target")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.param: _Node | None = None
        self.target: Target | None = None
        self.names: Names = ()
        self.rest: tuple[Target, Names] | None = None
        self.mounted: Target | None = None


class Routes:
    """The routes of one revision."""

    __slots__ = ("_root", "_whole")

    def __init__(self, functions: Iterable[Function]) -> None:
        self._root = _Node()
        self._whole: dict[str, Match] = {}  # Paths without parameters: the short way.
        for function in functions:
            if function.route is not None:
                self._add(function.route.path, _target(function))

    def match(self, path: str) -> Match | None:
        """Find where a path leads that had no ``%2F`` in it.

        >>> Routes([]).match("/nowhere") is None
        True
        """
        found = self._whole.get(path)
        return found if found is not None else self.match_segments(path.split("/")[1:], path)

    def match_segments(self, segments: list[str], path: str) -> Match | None:
        """Find where decoded segments lead; a segment may hold a slash that came as ``%2F``."""
        if len(segments) > SEGMENTS_MAX:
            return None
        if segments and segments[-1] == "":
            segments = segments[:-1]
        return _walk(self._root, segments, 0, path)

    def plain(self) -> dict[bytes, Match]:
        """The paths without parameters, as they look in a request that needs no decoding."""
        return {
            path.encode(): match
            for path, match in self._whole.items()
            if path.isascii() and "%" not in path and not path.startswith(("/.", "/_/"))
        }

    def _add(self, pattern: str, target: Target) -> None:
        node = self._root
        names: list[tuple[int, str]] = []
        segments = [part for part in pattern.split("/") if part]
        for at, segment in enumerate(segments):
            if not segment.startswith("{"):
                node = node.fixed.setdefault(segment, _Node())
                continue
            name = segment[1:-1]
            names.append((at, name.strip(".")))
            if name.startswith("..."):
                node.rest = node.rest or (target, tuple(names))
                return
            node.param = node.param or _Node()
            node = node.param
        self._end(node, target, tuple(names), "/" + "/".join(segments))

    def _end(self, node: _Node, target: Target, names: Names, path: str) -> None:
        if target.mount:
            node.mounted = node.mounted or target
        elif node.target is None:
            node.target, node.names = target, names
            if not names:
                self._whole[path] = Match(target, None, path, "")


def _target(function: Function) -> Target:
    route = function.route
    assert route is not None
    verbs = route.verbs
    allowed = set(verbs) | {"OPTIONS"} | ({"HEAD"} if "GET" in verbs else set())
    return Target(
        function=function,
        verbs=verbs,
        allow=", ".join(sorted(allowed)).encode(),
        mount=route.mount,
        websocket=route.websocket,
        guarded=function.auth is not None or function.limits.rate_per_s is not None,
    )


def _walk(node: _Node, segments: list[str], at: int, path: str) -> Match | None:
    """Look below ``node`` first; the depth is that of the deepest route."""
    if at == len(segments):
        if node.target is not None:
            return Match(node.target, _values(node.names, segments), path, "")
    else:
        found = _deeper(node, segments, at, path)
        if found is not None:
            return found
        if node.rest is not None:
            target, names = node.rest
            params = _values(names[:-1], segments) or {}
            params[names[-1][1]] = "/".join(segments[at:])
            return Match(target, params, path, "", exact=False)
    if node.mounted is not None:
        root = "".join("/" + segment for segment in segments[:at])
        return Match(node.mounted, None, path[len(root) :] or "/", root, exact=False)
    return None


def _deeper(node: _Node, segments: list[str], at: int, path: str) -> Match | None:
    child = node.fixed.get(segments[at])
    if child is not None:
        found = _walk(child, segments, at + 1, path)
        if found is not None:
            return found
    if node.param is not None and segments[at]:
        return _walk(node.param, segments, at + 1, path)
    return None


def _values(names: Names, segments: list[str]) -> dict[str, str] | None:
    return {name: segments[at] for at, name in names} if names else None
