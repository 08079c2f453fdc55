"""What a browser gets below ``/_/``: the pages, their files, the session; the rest is the API's."""

from functools import partial
from typing import cast

import msgspec

from tapwater_server.dashboard.door import SessionDoor, Way
from tapwater_server.dashboard.files import INDEX, SAFE, Files
from tapwater_server.dashboard.hosts import Hosts
from tapwater_server.model.errors import NotFound, TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY
from tapwater_server.web.asked import Asked, in_one
from tapwater_server.web.browsing import app_there
from tapwater_server.web.dispatch import Said, refuse
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
from tapwater_server.web.sending import send_said

ROOT = "/_/"
SESSION = "/_/session"
STATIC = "/_/static/"
# The first part of every page's path, as in static/routes.js.
PAGES = frozenset(
    {
        "",
        "apps",
        "bills",
        "budgets",
        "data",
        "deadletters",
        "errors",
        "events",
        "invocations",
        "logs",
        "queues",
        "schedules",
        "settings",
        "system",
        "traces",
    }
)
_READING = frozenset({"GET", "HEAD"})


class Dashboard:
    """Answers what is the dashboard's, and hands everything else on."""

    def __init__(self, *, door: SessionDoor, hosts: Hosts, otherwise: ASGIApp) -> None:
        self._door, self._hosts, self._otherwise = door, hosts, otherwise
        self._files = Files()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = None
        if scope["type"] == "http":
            raw = raw_path(scope)
            if raw == SESSION:
                said = await self._session(scope, receive)
            elif scope.get("method") in _READING:
                said = self._file(scope, raw)
        if said is None:
            await self._otherwise(scope, receive, send)
        else:
            await send_said(scope, send, said)

    def _file(self, scope: Scope, raw: str) -> Said | None:
        known = headers_of(scope).get("if-none-match", "")
        if raw.startswith(STATIC):
            found = self._files.find(raw[len(STATIC) :], known=known)
            return found or refuse(NotFound("the dashboard has no such file"))
        if raw[len(ROOT) :].partition("/")[0] not in PAGES:
            return None
        return self._moved(scope, raw) or self._files.find(INDEX, known=known)

    def _moved(self, scope: Scope, raw: str) -> Said | None:
        """Send a browser to the dashboard's own host, where an app answers on this one."""
        host, scheme = headers_of(scope).get("host", ""), scope.get("scheme", "http")
        if not self._hosts.refuses(app_there(scope), scheme=scheme, host=host):
            return None
        elsewhere = self._hosts.elsewhere(scheme=scheme, host=host)
        if not elsewhere:
            return None
        query = scope["query_string"].decode("latin-1")
        place = f"{elsewhere}{raw}?{query}" if query else f"{elsewhere}{raw}"
        return Said(302, {"location": place, "cache-control": "no-store"})

    async def _session(self, scope: Scope, receive: Receive) -> Said:
        whole = cast(Door, scope.get(DOOR, {})).get("whole")
        asked = Asked(
            app=AppId(""),
            who=NOBODY,
            method=scope.get("method", "GET"),
            path=SESSION,
            query=query_of(scope["query_string"].decode("latin-1")),
            headers=headers_of(scope),
            chunks=partial(pieces, receive) if whole is None else partial(in_one, whole),
            whole=whole,
            client=(scope.get("client") or ("", 0))[0],
        )
        try:
            answer = await self._door.answer(Way(scope=scope, asked=asked))
        except TapwaterError as error:
            return refuse(error)
        headers = {"content-type": "application/json", **SAFE, **answer.headers}
        if answer.value is None:
            return Said(answer.status, answer.headers)
        return Said(answer.status, headers, msgspec.json.encode(answer.value))
