"""An endpoint as data: where it is, who may use it, what it takes and gives, who answers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from tapwater_server.web.asked import BODY_BYTES_MAX, Asked

Handler = Callable[[Asked], Awaitable[Any]]


def never(asked: Asked) -> bool:
    """Say no, whatever is asked."""
    return False


def always(asked: Asked) -> bool:
    """Say yes, whatever is asked."""
    return True


class Who(StrEnum):
    """Who may use an endpoint. The last two are for the node's own endpoints, see ``node.py``."""

    ANYONE = "anyone"  # users and nobody too; the handler checks rules itself
    USER = "user"  # somebody signed in, or trusted
    TRUSTED = "trusted"  # functions of the app, and platform tokens for it
    HOLDER = "holder"  # of any platform token; sees the apps that token is for
    ADMIN = "admin"  # holders of an admin token


class Conversation(Protocol):
    """An accepted WebSocket of an API: text frames."""

    async def receive(self) -> str | None:
        """Wait for the next text; None when the client has gone."""
        ...

    async def send(self, text: str) -> None:
        """Send one; waits while the client is slow. Raises ConnectionResetError if it is gone."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives when status or headers are not the endpoint's usual ones.

    ``value``: bytes go out as they are, None is no body, all else is JSON.
    """

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that comes in pieces. ``chunks`` is closed when the client has gone."""

    chunks: AsyncIterator[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One line of a service's API. ``path`` is below the app: ``/docs/{path:path}``.

    ``{name}`` is one segment, ``{name:path}`` the rest. The more exact path wins, then the
    earlier line. A handler gives None (204), a value (JSON), an ``Answer`` or a ``Streamed``.
    """

    method: str
    path: str
    says: str  # one sentence for the OpenAPI document
    handler: Handler
    who: Who = Who.TRUSTED
    query: Mapping[str, str] = field(default_factory=dict)  # parameter -> what it is
    takes: type | None = None  # the JSON body
    gives: type | None = None  # the JSON answer; None: anything, or not JSON
    media: str = "application/json"
    takes_media: str = "application/json"
    status: int = 200
    body_bytes_max: int = BODY_BYTES_MAX  # more is refused, as soon as it is known
    waits: bool = False  # may take long without doing anything: ends when its client has gone
    endless: Callable[[Asked], bool] = never  # goes on until its client goes: not for functions


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """A WebSocket of a service's API."""

    path: str
    says: str
    handler: Callable[[Asked, Conversation], Awaitable[None]]
    who: Who = Who.ANYONE
