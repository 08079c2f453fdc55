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
    raw = b"" if body is None else write_json(body)
    headers = _HEADERS if raw else {}
    request = Request(method=method, path=path, query=given, headers=headers, body=raw)
    return transport.send(request).json()


def write_json(body: Any) -> bytes:
    """Write a body as short as it can be: a document of the largest size must fit a frame.

    >>> write_json({"a": ["é", 1]})
    b'{"a":["\\xc3\\xa9",1]}'
    """
    text = json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair is refused by the service, which says where it stands.
    return text.encode("utf-8", "surrogatepass")


def path_to(*parts: str) -> str:
    """Build a path of quoted parts.

    >>> path_to("queues", "a/b")
    '/queues/a%2Fb'
    """
    return "".join("/" + quote(part, safe="") for part in parts)
