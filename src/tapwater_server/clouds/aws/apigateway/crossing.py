"""CORS of an HTTP API: the gateway answers for its functions. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

Cors = Mapping[str, Any]
Headers = list[tuple[str, str]]


def preflight(cors: Cors, *, origin: str, method: str) -> Headers:
    """Answer a browser that asks before it sends."""
    headers = answered(cors, origin=origin)
    if not headers:
        return []
    methods = _upper(cors.get("AllowMethods"))
    if "*" in methods or method.upper() in methods:
        headers.append(("access-control-allow-methods", ",".join(methods)))
    allowed = [str(name) for name in cors.get("AllowHeaders") or []]
    if allowed:
        headers.append(("access-control-allow-headers", ",".join(allowed)))
    if cors.get("MaxAge") is not None:
        headers.append(("access-control-max-age", str(cors["MaxAge"])))
    return headers


def answered(cors: Cors, *, origin: str) -> Headers:
    """Give the headers for an answer to a page of an origin.

    >>> answered({"AllowOrigins": ["*"]}, origin="https://a.example")
    [('access-control-allow-origin', '*')]
    """
    allowed = [str(one) for one in cors.get("AllowOrigins") or []]
    if not origin or not any(_matches(one, origin) for one in allowed):
        return []
    named = "*" if "*" in allowed and not cors.get("AllowCredentials") else origin
    headers = [("access-control-allow-origin", named)]
    if named != "*":
        headers.append(("vary", "origin"))
    if cors.get("AllowCredentials"):
        headers.append(("access-control-allow-credentials", "true"))
    exposed = [str(name) for name in cors.get("ExposeHeaders") or []]
    if exposed:
        headers.append(("access-control-expose-headers", ",".join(exposed)))
    return headers


def _matches(pattern: str, origin: str) -> bool:
    """``*``, an origin, or a scheme with any host: ``https://*``."""
    if pattern.endswith("://*"):
        return origin.startswith(pattern[:-1])
    return pattern in ("*", origin)


def _upper(methods: Sequence[Any] | None) -> list[str]:
    return [str(one).upper() for one in methods or []]
