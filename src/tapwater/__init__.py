"""What functions import: small, standard library only, usable in a plain unit test.

Handlers stay plain functions that a person can call; everything here is a value or a mark.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tapwater import on
from tapwater.event import BatchFailed, Event
from tapwater.file import File
from tapwater.hooks import after_fork, before_snapshot
from tapwater.http import Request, Response, ServerSentEvent, Stream, User
from tapwater.marks import Body, Cookie, Form, Header, Path, Query
from tapwater.options import options
from tapwater.problem import Problem
from tapwater.runtime.context import AsyncContext, CallFailed, Context, HostRefused
from tapwater.websocket import WebSocket, WebSocketClosed

if TYPE_CHECKING:
    from tapwater import log, trace
    from tapwater.services.blobs import Blobs
    from tapwater.services.cache import Cache
    from tapwater.services.client import Client
    from tapwater.services.docs import Docs
    from tapwater.services.events import Events
    from tapwater.services.mail import Mail
    from tapwater.services.mqtt import Mqtt
    from tapwater.services.queues import Queues
    from tapwater.services.schedules import Schedules
    from tapwater.services.topics import Topics
    from tapwater.services.users import Users
    from tapwater.trace import span

    blobs: Blobs
    cache: Cache
    docs: Docs
    events: Events
    mail: Mail
    mqtt: Mqtt
    queues: Queues
    schedules: Schedules
    topics: Topics
    users: Users

__version__ = "0.1.0"

__all__ = [
    "AsyncContext",
    "BatchFailed",
    "Body",
    "CallFailed",
    "Client",
    "Context",
    "Cookie",
    "Event",
    "File",
    "Form",
    "Header",
    "HostRefused",
    "Path",
    "Problem",
    "Query",
    "Request",
    "Response",
    "ServerSentEvent",
    "Stream",
    "User",
    "WebSocket",
    "WebSocketClosed",
    "after_fork",
    "before_snapshot",
    "log",
    "on",
    "options",
    "span",
    "trace",
]


def __getattr__(name: str) -> Any:
    """Make what is not made yet: ``from tapwater import docs`` (PEP 562). Each service is loaded
    when it is first used: not every function needs every one.
    """
    from tapwater.services.names import NAMES, make

    made: Any
    if name == "Client":
        made = importlib.import_module("tapwater.services.client").Client
    elif name in ("log", "trace"):
        made = importlib.import_module(f"tapwater.{name}")
    elif name == "span":
        made = importlib.import_module("tapwater.trace").span
    elif name in NAMES:
        from tapwater.services.ambient import Ambient

        made = make(name, Ambient())
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    from tapwater.services.names import NAMES

    return sorted({*globals(), *NAMES, "log", "span", "trace"})
