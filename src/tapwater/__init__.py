"""What functions import: small, standard library only, usable in a plain unit test.

Handlers stay plain functions that a person can call; everything here is a value or a mark.
"""

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

__version__ = "0.1.0"

__all__ = [
    "AsyncContext",
    "BatchFailed",
    "Body",
    "CallFailed",
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
    "on",
    "options",
]
