"""Who asks: from the token or the session a request carries to a principal."""

from collections.abc import Mapping

from tapwater_server.model.errors import NotFound, Unauthenticated
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.identity import Identities
from tapwater_server.ports.tokens import Tokens
from tapwater_server.web.browsing import is_ours
from tapwater_server.web.scope import Scope, headers_of
from tapwater_server.web.sessions import Browsers

TOKEN_CHARS_MAX = 4096  # A signed token of a user with many claims.
LOOK_AGAIN_S = 30.0
_PLATFORM = "tap_"  # How the platform's own tokens begin.


class Callers:
    """Knows the platform's tokens, the users of apps, and who is signed in to the dashboard."""

    def __init__(
        self, *, tokens: Tokens, identities: Identities, browsers: Browsers | None = None
    ) -> None:
        self._tokens, self._identities = tokens, identities
        self.browsers = browsers

    async def browsing(self, scope: Scope, headers: Mapping[str, str]) -> Principal:
        """Find out whose session a request without a token is of, if of any.

        Raises:
            Unauthenticated: the dashboard's page asks, and nobody is signed in: what is open to
                nobody too is not what that page means.
        """
        if self.browsers is None or "authorization" in headers or not is_ours(headers):
            return NOBODY
        found = await self.browsers.who(scope, headers)
        if found is NOBODY:
            raise Unauthenticated("the session has ended: sign in again")
        return found

    def find(self, app: AppId, token: str | None) -> Principal:
        """Find out who holds a token; without one it is nobody.

        Raises:
            Unauthenticated: it is not known, or has expired.
        """
        if token is None:
            return NOBODY
        found: Principal | None = None
        if len(token) <= TOKEN_CHARS_MAX:
            found = self._holder(token) or self._identities.check(app, token)
        if found is None:
            raise Unauthenticated("this token is not known here, or has expired")
        return found

    def holder(self, token: str | None) -> Principal:
        """Find out who holds a token of the platform; without one it is nobody.

        Raises:
            Unauthenticated: it is not known.
        """
        if token is None:
            return NOBODY
        found = self._holder(token) if len(token) <= TOKEN_CHARS_MAX else None
        if found is None:
            raise Unauthenticated("this token is not known here")
        return found

    def standing(self, scope: Scope, app: AppId, token: str | None, *, clock: Clock) -> "Standing":
        """Give what tells later whether who asked may still."""
        session = b"" if self.browsers is None else self.browsers.key(scope, headers_of(scope))
        return Standing(self, app, token, clock=clock, session=session)

    def _holder(self, token: str) -> Principal | None:
        return self._tokens.check(token) if token.startswith(_PLATFORM) else None


class Standing:
    """Whether who asked may still: an answer that goes on for hours outlives its token."""

    def __init__(
        self,
        callers: Callers,
        app: AppId,
        token: str | None,
        *,
        clock: Clock,
        session: bytes = b"",
    ) -> None:
        self._callers, self._app, self._token, self._clock = callers, app, token, clock
        self._session = session  # see Browsers.key
        self._looked_at = clock.monotonic()

    async def holds(self) -> bool:
        """Look again, once in ``LOOK_AGAIN_S``."""
        now = self._clock.monotonic()
        if now - self._looked_at < LOOK_AGAIN_S:
            return True
        self._looked_at = now
        if self._token is None:
            browsers = self._callers.browsers
            return not self._session or browsers is None or await browsers.holds(self._session)
        try:
            self._callers.find(self._app, self._token)
        except Unauthenticated:
            return False
        return True


def bearer(authorization: str) -> str | None:
    """Read an Authorization header; None: there is none.

    >>> bearer("Bearer abc")
    'abc'

    Raises:
        Unauthenticated: it is of another scheme.
    """
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send your token as 'Authorization: Bearer TOKEN'")
    return token.strip()


def whoever(principal: Principal, app: AppId) -> Principal:
    """Refuse a holder of a token that is for other apps: what one may not know is not there.

    Raises:
        NotFound: it is such a one.
    """
    known = principal.is_trusted(app) or principal.is_user_of(app)
    if not known and (principal.apps or principal.user):
        raise NotFound(f"there is no app {app}")
    return principal
