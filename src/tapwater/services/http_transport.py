"""Asks a service over HTTP: from scripts, tests, and every program that is no function."""

import http.client
import os
import selectors
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tapwater.services.transport import Reply, Request, ServiceError, Transport, refused

TIMEOUT_S = 30.0
_SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE"})  # Doing it twice is as doing it once.
_STALE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)
_made: dict[tuple[str, str, str], "HttpTransport"] = {}


class _Kept:
    """A thread's connection; it is closed with the thread."""

    __slots__ = ("__weakref__", "connection", "process")

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection
        self.process = os.getpid()

    def __del__(self) -> None:
        self.connection.close()


class HttpTransport:
    """Keeps one connection for each thread that asks."""

    def __init__(
        self, url: str, *, token: str = "", app: str = "", timeout_s: float = TIMEOUT_S
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no URL of a platform: http://… or https://… is")
        self._host, self._port = parts.hostname, parts.port
        self._context = ssl.create_default_context() if parts.scheme == "https" else None
        path = parts.path.rstrip("/")
        self._prefix = f"{path}/_/api/v1/apps/{app}" if app else f"{path}/_/v1"
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._timeout_s = timeout_s
        self._held = threading.local()
        self._kept: weakref.WeakSet[_Kept] = weakref.WeakSet()  # of all threads that still are
        self._changing = threading.Lock()

    def send(self, request: Request) -> Reply:
        connection = self._idle()
        if connection is not None:
            try:
                return self._ask(connection, request)
            except _STALE as error:
                # The other end has just closed a connection that was idle. What it has not
                # answered it may still have done.
                self._drop(connection)
                if request.method not in _SAFE:
                    raise _unreached(self._host, error) from error
            except (OSError, http.client.HTTPException) as error:
                self._drop(connection)
                raise _unreached(self._host, error) from error
        connection = self._open()
        self._keep(connection)
        try:
            return self._ask(connection, request)
        except (OSError, http.client.HTTPException) as error:
            self._drop(connection)
            raise _unreached(self._host, error) from error

    @contextmanager
    def open_stream(self, request: Request) -> Iterator[http.client.HTTPResponse]:
        """Ask, and read the answer line by line as it comes, on a connection of its own.

        Raises:
            ServiceError: the service refused, or cannot be reached.
        """
        connection = self._open()
        try:
            headers = {**request.headers, **self._headers}
            connection.request(request.method, self._prefix + request.target, headers=headers)
            response = connection.getresponse()
            if response.status >= 400:
                raise refused(Reply(status=response.status, body=response.read()))
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise _unreached(self._host, error) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connections of all threads, also in the middle of an answer. Whoever asks
        again opens a new one.
        """
        with self._changing:
            kept = list(self._kept)
        for one in kept:
            if one.process == os.getpid():
                _hang_up(one.connection)
        self._held.kept = None

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        kept = self._held.kept = _Kept(connection)
        with self._changing:
            self._kept.add(kept)

    def _idle(self) -> http.client.HTTPConnection | None:
        """Give this thread's connection, if it is still one: not closed, not of before a fork."""
        kept: _Kept | None = getattr(self._held, "kept", None)
        if kept is None or kept.connection.sock is None or kept.process != os.getpid():
            return None
        connection = kept.connection
        with selectors.DefaultSelector() as looking:
            looking.register(connection.sock, selectors.EVENT_READ)
            if not looking.select(0):
                return connection
        self._drop(connection)  # Nothing was asked, and there is something to read: its end.
        return None

    def _open(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout_s, context=self._context
        )

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        connection.close()
        self._held.kept = None

    def _ask(self, connection: http.client.HTTPConnection, request: Request) -> Reply:
        headers = {**request.headers, **self._headers}
        target = self._prefix + request.target
        connection.request(request.method, target, body=request.body or None, headers=headers)
        response = connection.getresponse()
        body = response.read()
        reply = Reply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=body,
        )
        if response.will_close:
            self._drop(connection)
        if reply.status >= 400:
            raise refused(reply)
        return reply


def from_environment(*, inside: bool = False) -> Transport:
    """Make the transport that TAPWATER_URL, TAPWATER_TOKEN and TAPWATER_APP name; keep it.

    Raises:
        ServiceError: they do not name one.
    """
    named = tuple(os.environ.get(f"TAPWATER_{name}", "") for name in ("URL", "TOKEN", "APP"))
    url, token, app = named
    if not url:
        raise ServiceError(_LOST_INSIDE if inside else _LOST, code="no_platform", status=0)
    found = _made.get((url, token, app))
    if found is None:
        found = _made[url, token, app] = HttpTransport(url, token=token, app=app)
    return found


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """End a connection that another thread may be reading from: it sees that it has ended, and
    takes nothing that was cut off for whole. The descriptor is that thread's to close.
    """
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # TLS or not: below it.


_LOST = (
    "no function is running here, and TAPWATER_URL is not set: set it (with TAPWATER_TOKEN and "
    "TAPWATER_APP), use tapwater.Client(url=…), or in a test tapwater.testing.fake_services()"
)
_LOST_INSIDE = (
    "this thread belongs to no call: start it with asyncio.to_thread, or run it in "
    "contextvars.copy_context(), so that the platform knows for which call you ask"
)


def _unreached(host: str, error: Exception) -> ServiceError:
    what = str(error) or type(error).__name__
    return ServiceError(f"{host} cannot be reached: {what}", code="unreachable", status=0)
