"""Finds the way to the services: a test's fakes, the running call's socket, or HTTP."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tapwater.services.socket_transport import SocketTransport
from tapwater.services.transport import Reply, Request, Transport

_GIVEN: ContextVar[Transport | None] = ContextVar("tapwater_services", default=None)
_LOGS = "tapwater.runtime.logs"  # Loaded wherever a function runs; it knows the running call.


class Ambient:
    """The transport behind ``tapwater.docs`` and the others: asks anew each time."""

    def send(self, request: Request) -> Reply:
        return current().send(request)


def current() -> Transport:
    """Find the transport of whoever asks.

    Raises:
        ServiceError: no call is running, and the environment names no platform.
    """
    given = _GIVEN.get()
    if given is not None:
        return given
    logs = sys.modules.get(_LOGS)
    call = logs.SINK.call() if logs is not None else None
    if call is not None:
        return SocketTransport(call)
    from tapwater.services.http_transport import from_environment

    return from_environment(inside=logs is not None and logs.SINK.link is not None)


@contextmanager
def use(transport: Transport) -> Iterator[None]:
    """Let this transport answer for a while, in this context and in what it starts."""
    token = _GIVEN.set(transport)
    try:
        yield
    finally:
        _GIVEN.reset(token)
