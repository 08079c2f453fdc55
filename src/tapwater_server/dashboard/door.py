"""The way in and out: ``/_/session``."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from tapwater_server.dashboard.attempts import Attempts
from tapwater_server.dashboard.codes import GOOD_S, Codes
from tapwater_server.dashboard.hosts import Hosts
from tapwater_server.model.errors import Invalid, NotAllowed, Unauthenticated
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.model.principal import Principal
from tapwater_server.model.user import User
from tapwater_server.ports.tokens import Tokens, hash_of
from tapwater_server.web.asked import Asked
from tapwater_server.web.browsing import app_there, cookie, is_ours
from tapwater_server.web.callers import TOKEN_CHARS_MAX, bearer
from tapwater_server.web.endpoint import Answer, Endpoint, Who
from tapwater_server.web.problems import MethodNotAllowed
from tapwater_server.web.scope import Scope
from tapwater_server.web.sessions import OPEN_S_MAX, ROLE, Browsers, keeper

BODY_BYTES_MAX = 16 << 10

# Who has the password of a user of an app: app, address, password, the client's address.
Prove = Callable[[AppId, str, str, str], Awaitable[User]]


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """One of three: a token; a code; app, address and password."""

    token: str = ""
    code: str = ""
    app: str = ""
    email: str = ""
    password: str = ""


class Told(msgspec.Struct, omit_defaults=True):
    """What the page is told of itself. ``refused``: why nobody can sign in at this address."""

    signed_in: bool
    name: str = ""
    admin: bool = False
    apps: list[str] = []
    shared: bool = False
    shared_with: str = ""
    refused: str = ""
    elsewhere: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One request as the door sees it."""

    scope: Scope
    asked: Asked

    @property
    def app(self) -> AppId:
        return app_there(self.scope)

    @property
    def host(self) -> str:
        return self.asked.headers.get("host", "")

    @property
    def scheme(self) -> str:
        return str(self.scope.get("scheme", "http"))

    @property
    def headers(self) -> Mapping[str, str]:
        return self.asked.headers


class SessionDoor:
    """Signs browsers in and out, and says who is signed in."""

    def __init__(
        self,
        *,
        browsers: Browsers,
        tokens: Tokens,
        prove: Prove,
        hosts: Hosts,
        codes: Codes,
        attempts: Attempts,
    ) -> None:
        self._browsers, self._tokens, self._prove = browsers, tokens, prove
        self._hosts, self._codes, self._attempts = hosts, codes, attempts

    async def answer(self, way: Way) -> Answer:
        """Answer by method.

        Raises:
            MethodNotAllowed: none of the three.
            TapwaterError: it cannot be done.
        """
        match way.asked.method:
            case "GET" | "HEAD":
                who = await self._browsers.who(way.scope, way.headers)
                return Answer(self._told(way, who), headers=_FRESH)
            case "POST":
                return await self._sign_in(way)
            case "DELETE":
                return await self._sign_out(way)
            case _:
                raise MethodNotAllowed("not with this method", allowed="GET, HEAD, POST, DELETE")

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What the API of the node has of this."""
        return (
            Endpoint(
                method="POST",
                path="/session-codes",
                says="Make a code that signs a browser in to the dashboard, once and soon.",
                handler=self._give_code,
                who=Who.HOLDER,
                status=201,
            ),
        )

    async def _give_code(self, asked: Asked) -> Mapping[str, object]:
        token = bearer(asked.headers.get("authorization", ""))
        if token is None:
            raise NotAllowed("a code is given to who shows a token, not to a browser's session")
        return {"code": self._codes.give(hash_of(token)), "expires_in": int(GOOD_S)}

    async def _sign_in(self, way: Way) -> Answer:
        if not is_ours(way.headers):
            raise NotAllowed("only the dashboard's own page can sign in here")
        refused = self._refuses(way)
        if refused:
            raise NotAllowed(refused)
        said = await way.asked.body(SignIn, bytes_max=BODY_BYTES_MAX)
        self._attempts.check(way.asked.client)
        try:
            secret, who = await self._open(said, way)
        except Unauthenticated:
            self._attempts.failed(way.asked.client)
            raise
        await self._browsers.end(way.scope, way.headers)  # The one before, of this browser.
        made = cookie(way.scope, way.headers, secret, lives_s=int(OPEN_S_MAX))
        return Answer(self._told(way, who), headers={"set-cookie": made, **_FRESH})

    async def _open(self, said: SignIn, way: Way) -> tuple[str, Principal]:
        if said.token or said.code:
            token = hash_of(said.token) if said.token else self._codes.take(said.code)
            who = None if token is None else self._tokens.holder(token)
            if token is None or who is None or len(said.token) > TOKEN_CHARS_MAX:
                what = "token is not known here" if said.token else "link is used or too old"
                raise Unauthenticated(f"this {what}")
            return await self._browsers.open_with_token(token), who
        if not (said.app and said.email and said.password):
            raise Invalid("send a token; or app, email and password")
        app = parse_app_id(said.app.strip())
        user = await self._prove(app, said.email, said.password, way.asked.client)
        who = keeper(user)
        if who is None:
            raise NotAllowed(f"this needs the role {ROLE} in {app}")
        return await self._browsers.open_for_user(user), who

    async def _sign_out(self, way: Way) -> Answer:
        if not is_ours(way.headers):
            raise NotAllowed("only the dashboard's own page can sign out here")
        if way.asked.flag("everywhere", default=False):
            await self._browsers.end_everywhere(way.scope, way.headers)
        else:
            await self._browsers.end(way.scope, way.headers)
        gone = cookie(way.scope, way.headers, "", lives_s=0)
        return Answer(None, status=204, headers={"set-cookie": gone, **_FRESH})

    def _told(self, way: Way, who: Principal) -> Told:
        signed_in = who.admin or bool(who.apps)
        refused = self._refuses(way)
        elsewhere = self._hosts.elsewhere(scheme=way.scheme, host=way.host)
        return Told(
            signed_in=signed_in,
            name=who.name if signed_in else "",
            admin=who.admin,
            apps=sorted(who.apps),
            shared=bool(way.app) and self._hosts.shared,
            shared_with=way.app,
            refused=refused,
            elsewhere=elsewhere if way.app or refused else "",
        )

    def _refuses(self, way: Way) -> str:
        return self._hosts.refuses(way.app, scheme=way.scheme, host=way.host)


_FRESH: Mapping[str, str] = {"cache-control": "no-store", "vary": "cookie"}
