"""How a request for a service travels: over the inherited socket, over HTTP, or to a fake."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a service. ``path`` is below the app and percent-encoded."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Transport(Protocol):
    """Carries a request and waits for its reply; safe to use from several threads."""

    def send(self, request: Request) -> Reply:
        """Carry a request.

        Raises:
            ServiceError: the service refused (any status from 400 on), or cannot be reached.
        """
        ...


class ServiceError(Exception):
    """A service said no. ``code`` is stable: ``not_found``, ``conflict``, ``invalid``, …"""

    def __init__(
        self,
        message: str,
        *,
        code: str = "internal",
        status: int = 500,
        problems: tuple[Mapping[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.status, self.problems = message, code, status, problems


def refused(reply: Reply) -> ServiceError:
    """Read a problem (RFC 9457) out of a reply whose status is 400 or more."""
    try:
        said = json.loads(reply.body)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    return ServiceError(
        str(said.get("detail") or f"the service answered with status {reply.status}"),
        code=str(said.get("code") or "internal"),
        status=reply.status,
        problems=tuple(said.get("problems") or ()),
    )
