"""The node's own API as an ASGI app: what is below ``/_/`` and no app's service."""

from collections.abc import Sequence
from functools import partial
from typing import cast

import msgspec

from tapwater_server.model.errors import NotFound, TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.clock import Clock
from tapwater_server.web.asked import Asked, in_one
from tapwater_server.web.callers import Callers, bearer
from tapwater_server.web.dispatch import Said, Table, refuse
from tapwater_server.web.endpoint import Answer, Endpoint, Who
from tapwater_server.web.node import PREFIX
from tapwater_server.web.openapi import describe_node
from tapwater_server.web.scope import (
    DOOR,
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

SHORT = "/_"  # Monitors look at /_/health and /_/metrics: the same without the version.
_SHORTENED = frozenset({"/health", "/metrics"})


class NodeApp:
    """Answers what is about the node or all apps. Who asks holds a token of the platform."""

    def __init__(self, endpoints: Sequence[Endpoint], *, callers: Callers, clock: Clock) -> None:
        described = Endpoint(
            method="GET",
            path="/openapi.json",
            says="This document.",
            handler=self._describe,
            who=Who.ANYONE,
        )
        self.table = Table((*endpoints, described))
        self._callers, self._clock = callers, clock
        self._document = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_said(scope, send, unkept(await self._answer(scope, receive)))

    async def _answer(self, scope: Scope, receive: Receive) -> Said:
        try:
            browsing = await self._callers.browsing(scope, headers_of(scope))
            asked = self._asked(scope, receive, browsing)
        except TapwaterError as error:
            return refuse(error)
        token = bearer(asked.headers.get("authorization", ""))
        standing = self._callers.standing(scope, asked.app, token, clock=self._clock)
        return followed(await self.table.answer(asked), standing)

    def _asked(self, scope: Scope, receive: Receive, browsing: Principal) -> Asked:
        """Read the head of a request.

        Raises:
            NotFound: it is for nothing of ours.
            Unauthenticated: the token is not known.
        """
        headers, path = headers_of(scope), below(raw_path(scope))
        if not path:
            raise NotFound(f"there is nothing here; see {PREFIX}/openapi.json")
        door = cast(Door, scope.get(DOOR, {}))
        whole = door.get("whole")
        token = bearer(headers.get("authorization", ""))
        return Asked(
            app=AppId(""),
            who=browsing if token is None else self._callers.holder(token),
            method=scope.get("method", "GET"),
            path=path,
            query=query_of(scope["query_string"].decode("latin-1")),
            headers=headers,
            chunks=partial(pieces, receive) if whole is None else partial(in_one, whole),
            whole=whole,
            client=(scope.get("client") or ("", 0))[0],
            base_url=f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}",
            root=PREFIX,
            end_with_client=partial(end_with_client, scope),
        )

    async def _describe(self, asked: Asked) -> Answer:
        if not self._document:
            self._document = msgspec.json.encode(describe_node(self.table.endpoints))
        return Answer(self._document, headers={"content-type": "application/json"})


def below(path: str) -> str:
    """Give the path as the table has it; "" where it is none of the node's.

    >>> below("/_/api/v1/apps"), below("/_/health"), below("/_/elsewhere")
    ('/apps', '/health', '')
    """
    if path.startswith(f"{PREFIX}/"):
        return path[len(PREFIX) :]
    short = path.removeprefix(SHORT)
    return short if short in _SHORTENED else ""
