"""From a request to its answer: find the endpoint, see that who asks may, run the handler."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tapwater_server.model.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    TapwaterError,
    TooLarge,
    Unauthenticated,
)
from tapwater_server.model.principal import Principal
from tapwater_server.ports.tracing import Tracer
from tapwater_server.web import problems
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Socket, Streamed, Who
from tapwater_server.web.routes import Routes, split_path
from tapwater_server.web.traced import handle

# A function has a whole answer or none, and few places for its questions: one is held till then.
ENDLESS = (
    "this never ends, and a function waits for the end: listen from outside, "
    "or let a trigger call a function"
)
_log = logging.getLogger(__name__)
_JSON = "application/json"
_DIGITS_MAX = 19  # Of a Content-Length; the door lets none through that has more, a function might.


@dataclass(frozen=True, slots=True)
class Said:
    """An answer ready to go out, on whichever way the request came."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""
    endless: bool = False  # it goes on until its client goes, or may no longer


# Called with a request and the path of what is to answer it: raises what speaks against it.
Gate = Callable[[Asked, str], None]


class Table:
    """The endpoints of all services: one table for HTTP and for the functions' socket."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        sockets: Iterable[Socket] = (),
        *,
        tracer: Tracer | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._tracer, self._gate = tracer, gate
        self.endpoints: Sequence[Endpoint] = tuple(endpoints)
        self.sockets: Sequence[Socket] = tuple(sockets)
        self._endpoints, self._sockets = Routes(self.endpoints), Routes(self.sockets)
        self._by_method = _by_method(self.endpoints)
        self.names = self._endpoints.names | self._sockets.names

    async def answer(self, asked: Asked) -> Said:
        """Answer a request; what goes wrong becomes a problem.

        Raises:
            ConnectionResetError: the client has gone meanwhile.
        """
        try:
            endpoint = self.find(asked)
            if self._gate is not None:
                self._gate(asked, endpoint.path)
            if endpoint.waits or endpoint.method == "GET":  # What only reads may end at any time.
                asked.end_with_client()
            if self._tracer is None:
                return _write(endpoint, asked, await endpoint.handler(asked))
            return _write(endpoint, asked, await handle(self._tracer, endpoint, asked))
        except TapwaterError as error:
            return refuse(error)
        except ConnectionResetError:
            raise
        except Exception:
            # A border: what is no answer of a service is a bug of ours, told to the log.
            _log.exception("a service failed", extra={"app": asked.app, "path": asked.path})
            return refuse(TapwaterError("something went wrong here; the platform's log says what"))

    def find(self, asked: Asked) -> Endpoint:
        """Find the endpoint and fill in what its path says.

        Raises:
            NotFound: there is nothing at this path.
            MethodNotAllowed: not with this method.
            TooLarge: the body says that it is larger than the endpoint takes.
            Unauthenticated, NotAllowed: not for who asks.
            Invalid: it never ends, and a function asks.
        """
        segments, routes = split_path(asked.path), self._by_method.get(asked.method)
        fitting = routes.first(segments) if routes is not None else None
        if fitting is None:
            raise self._missing(asked, segments)
        endpoint, asked.params = fitting
        require(endpoint.who, asked)
        limit(asked, bytes_max=endpoint.body_bytes_max)
        if asked.caller is not None and endpoint.endless(asked):
            raise Invalid(ENDLESS)
        return endpoint

    def _missing(self, asked: Asked, segments: Sequence[str]) -> TapwaterError:
        found = self._endpoints.find(segments)
        if not found:
            return NotFound(f"no service has anything at {asked.path[:200]}")
        allowed = _allowed(endpoint for endpoint, _ in found)
        return problems.MethodNotAllowed(
            f"{asked.method} is not possible here; {allowed} is", allowed=allowed
        )

    def find_socket(self, asked: Asked) -> Socket:
        """Find the WebSocket at a path.

        Raises:
            NotFound: there is none.
            Unauthenticated, NotAllowed: not for who asks.
        """
        found = self._sockets.find(split_path(asked.path))
        if not found:
            raise NotFound(f"no service has a WebSocket at {asked.path[:200]}")
        socket, params = found[0]
        require(socket.who, asked)
        if self._gate is not None:
            self._gate(asked, socket.path)
        asked.params = params
        return socket


def require(who: Who, asked: Asked) -> None:
    """Refuse who may not use an endpoint.

    Raises:
        Unauthenticated: nobody, where somebody is wanted.
        NotAllowed: a user, where an app's own token is wanted.
    """
    if who is Who.ANYONE:
        return
    if who in (Who.HOLDER, Who.ADMIN):
        require_holder(asked.who, admin=who is Who.ADMIN)
        return
    if asked.who.is_trusted(asked.app):
        return
    if who is Who.USER and asked.who.is_user_of(asked.app):
        return
    if not asked.who.is_user_of(asked.app):
        raise Unauthenticated("send your token as 'Authorization: Bearer TOKEN'")
    raise NotAllowed("this needs a token for the app, or a function of it")


def require_holder(who: Principal, *, admin: bool) -> None:
    """Refuse who holds no platform token, or not one of an admin where that is wanted.

    Raises:
        Unauthenticated: nobody, or a user of an app.
        NotAllowed: a deploy token, where an admin's is wanted.
    """
    if who.function or not (who.admin or who.apps):
        raise Unauthenticated("send a platform token as 'Authorization: Bearer TOKEN'")
    if admin and not who.admin:
        raise NotAllowed("this needs an admin token")


def refuse(error: TapwaterError) -> Said:
    """Write an error."""
    said = problems.problem(error)
    if said["status"] >= 500 and error.code != "overloaded":
        _log.error("a request failed", extra={"code": error.code, **error.facts})
    return Said(
        said["status"],
        {"content-type": problems.MEDIA_TYPE, **problems.headers(error)},
        msgspec.json.encode(said),
    )


def limit(asked: Asked, *, bytes_max: int) -> None:
    """Let no more of a body through than an endpoint takes.

    Raises:
        TooLarge: it is known before it comes that it is more.
    """
    said, chunks = asked.headers.get("content-length", ""), asked.chunks
    if said.isdecimal() and (len(said) > _DIGITS_MAX or int(said) > bytes_max):
        raise TooLarge(f"the body has more than {bytes_max} bytes")
    if asked.whole is not None:
        if len(asked.whole) > bytes_max:
            raise TooLarge(f"the body has more than {bytes_max} bytes")
        return

    async def within() -> AsyncIterator[bytes]:
        size = 0
        async for chunk in chunks():
            size += len(chunk)
            if size > bytes_max:
                raise TooLarge(f"the body has more than {bytes_max} bytes")
            yield chunk

    asked.chunks = within


def _write(endpoint: Endpoint, asked: Asked, given: Any) -> Said:
    """Write what a handler gave."""
    if isinstance(given, Streamed):
        headers = {"content-type": endpoint.media, "cache-control": "no-store", **given.headers}
        return Said(given.status, headers, given.chunks, endless=endpoint.endless(asked))
    status, extra = endpoint.status, dict[str, str]()
    if isinstance(given, Answer):
        given, status, extra = given.value, given.status, dict(given.headers)
    elif given is None and status == 200:
        status = 204
    if given is None:
        return Said(status, extra)
    if isinstance(given, bytes):
        return Said(status, {"content-type": endpoint.media, **extra}, given)
    return Said(status, {"content-type": _JSON, **extra}, msgspec.json.encode(given))


def _by_method(endpoints: Sequence[Endpoint]) -> Mapping[str, Routes[Endpoint]]:
    """A table for each method: a request looks at those lines alone that can answer it."""
    methods = {endpoint.method for endpoint in endpoints} | {"HEAD"}
    stand_in = {"HEAD": {"HEAD", "GET"}}
    return {
        method: Routes(one for one in endpoints if one.method in stand_in.get(method, {method}))
        for method in methods
    }


def _allowed(endpoints: Iterable[Endpoint]) -> str:
    methods = {endpoint.method for endpoint in endpoints}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
