"""The control API as an ASGI app: who asks, may they, and what an error looks like."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tapwater_server.control.api.endpoint import Asked, Endpoint, Who, require_admin, to_response
from tapwater_server.control.api.table import ENDPOINTS
from tapwater_server.control.house import House
from tapwater_server.model.errors import NotFound, TapwaterError, Unauthenticated
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.web.callers import bearer
from tapwater_server.web.dispatch import refuse
from tapwater_server.web.problems import MethodNotAllowed

TOKEN_CHARS_MAX = 512


def control_app(house: House) -> ASGIApp:
    """Make the app; it serves every path below ``/_/``."""
    routes = [
        Route(one.path, _answering(house, one), methods=[one.method], name=one.handler.__name__)
        for one in ENDPOINTS
    ]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _on_http, Exception: _on_surprise},
    )


def _answering(house: House, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            principal = NOBODY if endpoint.who is Who.PUBLIC else authenticate(house, request)
            if endpoint.who is Who.ADMIN:
                require_admin(principal)
            said = await endpoint.handler(house, Asked(request, principal))
        except TapwaterError as error:
            return _refuse(error)
        return to_response(endpoint, said)

    return answer


def authenticate(house: House, request: Request) -> Principal:
    """Find out who asks, from the Authorization header and nowhere else.

    Raises:
        Unauthenticated: no token, or none that is known.
    """
    token = bearer(request.headers.get("authorization", ""))
    if token is None:
        raise Unauthenticated("send your token as 'Authorization: Bearer TOKEN'")
    principal = house.tokens.check(token) if len(token) <= TOKEN_CHARS_MAX else None
    if principal is None:
        raise Unauthenticated("this token is not known here")
    return principal


def _refuse(error: TapwaterError) -> Response:
    said = refuse(error)
    assert isinstance(said.body, bytes)
    return Response(said.body, status_code=said.status, headers=dict(said.headers))


async def _on_http(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: a path or a method there is none of."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return _refuse(MethodNotAllowed("this path does not know this method", allowed=allowed))
    return _refuse(NotFound("the control API has nothing here; see /_/api/v1/openapi.json"))


async def _on_surprise(request: Request, error: Exception) -> Response:
    """A mistake of ours. Starlette raises it again after this, and the gateway counts it."""
    if isinstance(error, ConnectionResetError):
        return Response(status_code=503)  # The client has gone: nobody reads it, no fault.
    return _refuse(TapwaterError("something went wrong here; the platform's log says what"))
