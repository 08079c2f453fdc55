"""An endpoint as data: where it is, who may use it, what it takes and gives, who answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tapwater_server.control.house import House
from tapwater_server.model.errors import Invalid, NotAllowed, NotFound, TooLarge
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.model.principal import Principal

BODY_BYTES_MAX = 8 << 20  # Of everything but bundles: data for a call is the largest.
PREFIX = "/_/api/v1"

T = TypeVar("T")


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

    def text(self, name: str) -> str | None:
        """A parameter of the query; empty counts as absent."""
        return self.request.query_params.get(name) or None

    def flag(self, name: str, *, default: bool) -> bool:
        said = self.text(name)
        if said is None:
            return default
        if said.lower() not in {"true", "false", "1", "0"}:
            raise Invalid(f"{name} must be true or false")
        return said.lower() in {"true", "1"}

    def number(self, name: str, *, low: float, high: float) -> float | None:
        said = self.text(name)
        if said is None:
            return None
        try:
            value = float(said)
        except ValueError:
            raise Invalid(f"{name} must be a number") from None
        if not low <= value <= high:
            raise Invalid(f"{name} must be from {low:g} to {high:g}")
        return value

    async def body(self, kind: type[T]) -> T:
        """Read the request's JSON body into a shape.

        Raises:
            Invalid: it does not fit; the message names the place.
            TooLarge: it has more than ``BODY_BYTES_MAX`` bytes.
        """
        parts = bytearray()
        try:
            async for part in self.request.stream():
                parts += part
                if len(parts) > BODY_BYTES_MAX:
                    raise TooLarge(f"the body has more than {BODY_BYTES_MAX >> 20} MiB")
        except ClientDisconnect:
            raise Invalid("the body is not complete") from None
        try:
            return msgspec.json.decode(bytes(parts) or b"{}", type=kind)
        except msgspec.MsgspecError as error:
            raise Invalid(f"the body cannot be understood: {error}") from None


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives when the status is not the endpoint's usual one."""

    value: Any
    status: int


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
