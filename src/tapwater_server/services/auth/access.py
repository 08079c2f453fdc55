"""Access tokens: short-lived, signed, checked without asking anybody."""

import json
from base64 import urlsafe_b64decode
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.model.user import User
from tapwater_server.ports.clock import Clock
from tapwater_server.services.auth.signing import ALGORITHM, SigningKeys

ACCESS_S = 900.0  # How long a token is good; what is revoked is refused at once on this node.
TOKEN_CHARS_MAX = 4096
CACHED_MAX = 10_000
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A token that was checked: who it is, and the marks by which it may be revoked."""

    principal: Principal
    generation: int
    session: str
    expires_at: float


class AccessTokens:
    """Issues and reads tokens; those read before are remembered."""

    def __init__(self, *, keys: SigningKeys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._read: OrderedDict[tuple[AppId, str], Access] = OrderedDict()

    async def issue(self, user: User, *, session: str, issuer: str) -> str:
        from joserfc import jwt  # A node without users does not pay for it.

        key = await self._keys.current(user.app)
        now = int(self._clock.now())
        said: dict[str, Any] = {
            "iss": issuer,
            "aud": user.app,
            "sub": user.id,
            "sid": session,
            "gen": user.generation,
            "iat": now,
            "exp": now + int(ACCESS_S),
            "email": user.email,
            "email_verified": user.email_verified,
            "roles": list(user.roles),
            "claims": dict(user.claims),
        }
        header = {"alg": ALGORITHM, "kid": key.kid, "typ": "at+jwt"}
        return jwt.encode(header, said, key.key)

    def read(self, app: AppId, token: str) -> Access | None:
        """Check a token of ``app``; None: it is not one, or not any more."""
        known = self._read.get((app, token))
        if known is None:
            known = self._verify(app, token)
            if known is None:
                return None
            self._read[app, token] = known
            if len(self._read) > CACHED_MAX:
                self._read.popitem(last=False)
        return known if known.expires_at > self._clock.now() else None

    def forget(self, app: AppId) -> None:
        """Forget all tokens of an app: another one may come to have its name."""
        for known in [known for known in self._read if known[0] == app]:
            del self._read[known]

    def _verify(self, app: AppId, token: str) -> Access | None:
        key = self._keys.find(app, _kid(token))
        if key is None:
            return None
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            said = jwt.decode(token, key.key, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, KeyError):
            return None
        claims = said.claims
        # The same key signs nothing else; the type is looked at so that it stays so.
        if said.header.get("typ") != "at+jwt" or claims.get("aud") != app:
            return None
        return Access(
            principal=_principal(app, claims),
            generation=int(claims["gen"]),
            session=str(claims["sid"]),
            expires_at=float(claims["exp"]),
        )


def _principal(app: AppId, claims: dict[str, Any]) -> Principal:
    """We signed it: what is in it has our form."""
    return Principal(
        name=claims["email"] or claims["sub"],
        user=claims["sub"],
        user_app=app,
        email=claims["email"],
        email_verified=claims["email_verified"],
        roles=frozenset(claims["roles"]),
        claims=claims["claims"],
    )


def _kid(token: str) -> str:
    """Read which key a token names, before anything dear is done; "" for what is no token."""
    parts = token.split(".")
    if len(parts) != _PARTS or len(token) > TOKEN_CHARS_MAX:
        return ""
    try:
        header = json.loads(urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (ValueError, RecursionError):
        return ""
    return str(header.get("kid", "")) if isinstance(header, dict) else ""
