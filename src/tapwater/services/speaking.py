"""Asks a service in JSON: what most clients of services do with each call."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tapwater.services.transport import Request, Transport

_HEADERS: Mapping[str, str] = {"content-type": "application/json"}


def ask_json(
    transport: Transport,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, Any] | None = None,
) -> Any:
    """Ask, and read the answer; None if there is none. A query's None is left out.

    Raises:
        ServiceError: the service refused, or cannot be reached.
    """
    given = {key: str(value) for key, value in (query or {}).items() if value is not None}
    raw = b"" if body is None else json.dumps(body, allow_nan=False).encode()
    headers = _HEADERS if raw else {}
    request = Request(method=method, path=path, query=given, headers=headers, body=raw)
    return transport.send(request).json()


def path_to(*parts: str) -> str:
    """Build a path of quoted parts.

    >>> path_to("queues", "a/b")
    '/queues/a%2Fb'
    """
    return "".join("/" + quote(part, safe="") for part in parts)
