"""The services' API as an ASGI app: ``/_/v1/`` on an app's hosts, ``/_/api/v1/apps/`` on ours."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from tapwater_server.model.errors import NotFound, TapwaterError
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.ports.clock import Clock
from tapwater_server.web.asked import Asked, in_one
from tapwater_server.web.callers import Callers, Standing, bearer, whoever
from tapwater_server.web.dispatch import Said, Table, refuse
from tapwater_server.web.pages import Pages
from tapwater_server.web.places import leads_here, place_of
from tapwater_server.web.scope import (
    DOOR,
    ASGIApp,
    Door,
    Receive,
    Scope,
    Send,
    headers_of,
    pieces,
    query_of,
    raw_path,
)
from tapwater_server.web.sending import end_with_client, followed, send_said, unkept
from tapwater_server.web.sockets import talk, token_of
from tapwater_server.web.using import Using

OWN = "/_/v1/"  # on an app's own hosts
ALL = "/_/api/v1/apps/"  # on the bare host
INBOX = "/_/inbox"  # a short way to the mails of `tapwater dev`


class ServicesApp:
    """Answers what is a service's, and hands everything else on."""

    def __init__(
        self,
        *,
        table: Table,
        callers: Callers,
        exists: Callable[[AppId], bool],
        hosts: Callable[[AppId], Sequence[str]],  # that an app names as its own
        otherwise: ASGIApp,
        using: Using,
        clock: Clock,
    ) -> None:
        self._using, self._clock = using, clock
        self._table, self._callers = table, callers
        self._exists, self._hosts = exists, hosts
        self._otherwise = otherwise
        self._pages = Pages(table)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = raw_path(scope)
        place = self._place(raw, scope)
        if place is None:
            if raw.rstrip("/") == INBOX and scope["type"] == "http":
                await send_said(scope, send, Said(302, {"location": f"{OWN}mail/inbox"}))
            elif scope["type"] == "websocket":
                await receive()  # websocket.connect
                refused = refuse(NotFound("there is no WebSocket here"))
                await send_said(scope, send, refused, prefix="websocket.http.response")
            else:
                await self._otherwise(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._talk(scope, receive, send, *place)
        else:
            page = self._pages.find(scope, *place) if raw.startswith(OWN) else None
            await send_said(scope, send, page or await self._answer(scope, receive, *place))

    def _place(self, path: str, scope: Scope) -> tuple[str, str] | None:
        """Give the app and the path below it, or None if this is not for a service."""
        if path.startswith(OWN):
            door = cast(Door, scope.get(DOOR, {}))
            return door.get("app", ""), path[len(OWN) - 1 :]
        if not path.startswith(ALL):
            return None
        app, _, below = path[len(ALL) :].partition("/")
        return (app, f"/{below}") if below.partition("/")[0] in self._table.names else None

    async def _answer(self, scope: Scope, receive: Receive, app: str, path: str) -> Said:
        try:
            browsing = await self._callers.browsing(scope, headers_of(scope))
            asked = self._asked(scope, receive, app, path, browsing=browsing)
        except TapwaterError as error:
            return refuse(error)
        try:
            said = await self._table.answer(asked)
        except BaseException:
            self._using.take(asked)  # The client has gone; what was done is done.
            raise
        said = followed(said, self._standing(scope, asked.app))
        return self._using.counted(asked, said if browsing is NOBODY else unkept(said))

    def _standing(self, scope: Scope, app: AppId) -> Standing:
        token = _token(scope, headers_of(scope))
        return self._callers.standing(scope, app, token, clock=self._clock)

    async def _talk(self, scope: Scope, receive: Receive, send: Send, app: str, path: str) -> None:
        await receive()  # websocket.connect
        try:
            asked = self._asked(scope, receive, app, path)
            socket = self._table.find_socket(asked)
        except TapwaterError as error:
            await send_said(scope, send, refuse(error), prefix="websocket.http.response")
            return
        standing = self._standing(scope, asked.app)
        await talk(socket, asked, scope, receive, send, standing=standing, using=self._using)

    def _asked(
        self,
        scope: Scope,
        receive: Receive,
        app: str,
        path: str,
        *,
        browsing: Principal = NOBODY,
    ) -> Asked:
        """Read the head of a request.

        Raises:
            NotFound: there is no such app, or it is not for who asks.
            Unauthenticated: the token is not known.
            TooLarge: the body says it is larger than anything.
        """
        if not app:
            raise NotFound("no app is the default here: use an app's own host")
        id, headers = parse_app_id(app), headers_of(scope)
        whole = cast(Door, scope.get(DOOR, {})).get("whole")
        token = _token(scope, headers)
        who = whoever(browsing if token is None else self._callers.find(id, token), id)
        if not self._exists(id):
            raise NotFound(f"there is no app {id}")
        host, hosts = headers.get("host", "localhost"), self._hosts(id)
        base_url, root = place_of(
            scheme=scope.get("scheme", "http"),
            host=host,
            root=raw_path(scope).removesuffix(path),
            hosts=hosts,
        )
        return Asked(
            app=id,
            who=who,
            method=scope.get("method", "GET"),
            path=path,
            query=query_of(scope["query_string"].decode("latin-1")),
            headers=headers,
            chunks=partial(pieces, receive) if whole is None else partial(in_one, whole),
            whole=whole,
            client=(scope.get("client") or ("", 0))[0],
            base_url=base_url,
            base_known=bool(hosts) or leads_here(host),
            root=root,
            end_with_client=partial(end_with_client, scope),
        )


def _token(scope: Scope, headers: Mapping[str, str]) -> str | None:
    offered = token_of(scope) if scope["type"] == "websocket" else None
    return offered or bearer(headers.get("authorization", ""))
