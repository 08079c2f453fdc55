"""What a module turned out to be: its handlers by verb, or a whole app."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tapwater.on import Triggered
from tapwater.runtime.binding import Plan
from tapwater.runtime.context import Identity

if TYPE_CHECKING:
    from tapwater.runtime.call import Call
    from tapwater.runtime.link import BlockingLink

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """One function of the module and how it is called."""

    function: Callable[..., Any]
    plan: Plan
    is_async: bool  # it has to live on a loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Everything needed to answer calls. ``handlers`` has "" for one that takes every verb."""

    style: str  # "verbs", "asgi", "wsgi", "event" or "foreign"
    identity: Identity
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    websocket: Handler | None = None
    triggers: tuple[Triggered, ...] = ()
    app: Any = None
    concurrency: int = 1
    # Of another cloud's function: who answers a call, or who has the link to itself.
    serve: Callable[["Program", "Call"], None] | None = None
    conduct: Callable[["BlockingLink"], None] | None = None

    @property
    def needs_loop(self) -> bool:
        """Whether a blocking loop cannot serve it."""
        return (
            self.style == "asgi"
            or self.websocket is not None
            or self.concurrency > 1
            or any(handler.is_async for handler in self.handlers.values())
        )


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something to await, or to go through with ``async for``.

    >>> is_async(len)
    False
    """
    inner = inspect.unwrap(function)
    if not inspect.isroutine(inner) and not isinstance(inner, functools.partial):
        inner = type(inner).__call__  # An object that can be called.
    return inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)
