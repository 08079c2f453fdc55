"""Calling a function by its name: which path, method and headers that stands for. Pure."""

import re
from collections.abc import Mapping

from tapwater_server.model.errors import Invalid
from tapwater_server.model.function import Function
from tapwater_server.model.invocation import Headers

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\r\n\0]*")
_PARAMETER = re.compile(r"\{(\.\.\.)?([A-Za-z_][A-Za-z0-9_]*)\}")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "host", "upgrade"})


def choose_method(function: Function, wanted: str | None, *, has_body: bool) -> str:
    """Take the method asked for, else the only one there is, else what fits the data.

    Raises:
        Invalid: it is no HTTP method.
    """
    if wanted is not None:
        method = wanted.upper()
        if method not in METHODS:
            raise Invalid(f"{wanted[:20]!r} is not an HTTP method")
        return method
    verbs = function.route.verbs if function.route is not None else frozenset({"POST"})
    if len(verbs) == 1:
        return next(iter(verbs))
    return "GET" if not has_body and (not verbs or "GET" in verbs) else "POST"


def place(
    function: Function, path: str | None, params: Mapping[str, str]
) -> tuple[str, str, dict[str, str]]:
    """Work out path, root path and parameters of a call.

    Raises:
        Invalid: a parameter is missing, or the path is not one of the function's.
    """
    route = function.route
    if route is None:
        return "/", "", {}
    if route.mount:
        below = path or "/"
        if not below.startswith("/"):
            raise Invalid("the path must begin with /")
        return below, route.path.rstrip("/"), {}
    if path is None:
        return fill_in(route.path, params), "", dict(params)
    match = to_pattern(route.path).fullmatch(path)
    if match is None:
        raise Invalid(f"the path {path[:200]!r} is not one of {route.path}")
    return path, "", match.groupdict()


def fill_in(pattern: str, params: Mapping[str, str]) -> str:
    """Put parameters into a route's pattern.

    >>> fill_in("/users-api/{id}", {"id": "7"})
    '/users-api/7'

    Raises:
        Invalid: one is missing, or one is not in the pattern.
    """
    wanted = [match[2] for match in _PARAMETER.finditer(pattern)]
    missing = [name for name in wanted if name not in params]
    strange = [name for name in params if name not in wanted]
    if missing or strange:
        what = "needs the parameter" if missing else "has no parameter"
        raise Invalid(f"{pattern} {what} {(missing or strange)[0]!r}: give it in params, or a path")
    return _PARAMETER.sub(lambda match: params[match[2]], pattern)


def to_pattern(pattern: str) -> re.Pattern[str]:
    """Turn a route's pattern into a regular expression.

    >>> to_pattern("/users-api/{id}").fullmatch("/users-api/7").groupdict()
    {'id': '7'}
    """
    parts, at = [], 0
    for match in _PARAMETER.finditer(pattern):
        parts.append(re.escape(pattern[at : match.start()]))
        parts.append(f"(?P<{match[2]}>{'.*' if match[1] else '[^/]+'})")
        at = match.end()
    return re.compile("".join([*parts, re.escape(pattern[at:]), "/?"]))


def read_headers(given: Mapping[str, str], *, body_kind: str | None) -> Headers:
    """Check headers somebody wants sent; a body has the media type ``body_kind`` unless they say.

    Raises:
        Invalid: a name or a value cannot be one, or it is not the caller's to set.
    """
    headers: Headers = []
    for name, value in given.items():
        framing = name.lower() in _FRAMING
        if framing or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise Invalid(f"{name[:64]!r} cannot be sent as a header")
        headers.append((name.lower().encode(), value.encode()))
    if body_kind is not None and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", body_kind.encode()))
    return headers
