"""Who asks: from the token a request carries to a principal."""

from tapwater_server.model.errors import NotFound, Unauthenticated
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.ports.identity import Identities
from tapwater_server.ports.tokens import Tokens

TOKEN_CHARS_MAX = 4096  # A signed token of a user with many claims.
_PLATFORM = "tap_"  # How the platform's own tokens begin.


class Callers:
    """Knows the platform's tokens and the users of apps."""

    def __init__(self, *, tokens: Tokens, identities: Identities) -> None:
        self._tokens, self._identities = tokens, identities

    def find(self, app: AppId, token: str | None) -> Principal:
        """Find out who holds a token; without one it is nobody.

        Raises:
            Unauthenticated: it is not known, or has expired.
        """
        if token is None:
            return NOBODY
        found: Principal | None = None
        if len(token) <= TOKEN_CHARS_MAX:
            found = self._identities.check(app, token) or self._holder(token)
        if found is None:
            raise Unauthenticated("this token is not known here, or has expired")
        return found

    def _holder(self, token: str) -> Principal | None:
        return self._tokens.check(token) if token.startswith(_PLATFORM) else None


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
