"""An endpoint as data: where it is, who may use it, what it takes and gives, who answers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tapwater_server.control.house import House
from tapwater_server.model.errors import Invalid, NotAllowed, NotFound
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.model.principal import Principal
from tapwater_server.web import asked as web
from tapwater_server.web.endpoint import Answer

PREFIX = "/_/api/v1"


class Who(StrEnum):
    """Who may use an endpoint."""

    PUBLIC = "public"
    HOLDER = "holder"  # of any token; sees the apps that token is for
    ADMIN = "admin"


class Asked:
    """One request: who asks, and the parts of it that handlers read."""

    def __init__(self, request: Request, principal: Principal) -> None:
        self.request = request
        self.principal = principal
        asked = web.Asked(
            app=AppId(""),
            who=principal,
            method=request.method,
            path=request.url.path,
            query=request.query_params,
            chunks=lambda: _pieces(request),
        )
        self.text, self.flag, self.number = asked.text, asked.flag, asked.number
        self.body = asked.body

    @property
    def app(self) -> AppId:
        """The app of the path, if this principal may know of it.

        Raises:
            NotFound: they may not. There may be no such app either.
        """
        app = parse_app_id(self.request.path_params["app"])
        if not self.principal.may_deploy(app):
            raise NotFound(f"there is no app {app}")
        return app

    def deployed_app(self, house: House) -> AppId:
        """The app of the path, which must exist."""
        app = self.app
        if not house.registry.revisions(app):
            raise NotFound(f"there is no app {app}")
        return app

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise Invalid("the body is not complete") from None


Handler = Callable[[House, Asked], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One line of the API."""

    method: str
    path: str
    says: str  # one sentence for the OpenAPI document
    handler: Handler
    who: Who = Who.HOLDER
    query: Mapping[str, str] = field(default_factory=dict)  # parameter -> what it is
    takes: type | None = None  # the JSON body
    gives: type | None = None  # the JSON answer; None: anything, or not JSON
    media: str = "application/json"
    takes_media: str = "application/json"
    status: int = 200


def require_admin(principal: Principal) -> None:
    """Refuse everyone but holders of an admin token.

    Raises:
        NotAllowed: it is not one.
    """
    if not principal.admin:
        raise NotAllowed("this needs an admin token")


def to_response(endpoint: Endpoint, answer: Any) -> Response:
    """Write what a handler gave."""
    if callable(answer):
        return answer  # type: ignore[no-any-return]  # A response of its own.
    if answer is None:
        return Response(status_code=204)
    status = endpoint.status
    if isinstance(answer, Answer):
        answer, status = answer.value, answer.status
    body = msgspec.json.encode(answer)
    return Response(body, status_code=status, media_type="application/json")
