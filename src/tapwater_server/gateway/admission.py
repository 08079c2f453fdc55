"""Who are you, may you, and have you quota."""

from tapwater_server.gateway.errors import Refusal, retry_after
from tapwater_server.model.function import Function
from tapwater_server.model.ids import FunctionId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.identity import Identities
from tapwater_server.ports.tokens import Tokens

TOKEN, USER, ROLE = "token", "user", "role:"  # what a function's ``auth`` may say
TOKEN_BYTES_MAX = 4096  # A signed token of a user with many claims.
BURST_S = 1.0  # A function that was quiet may take this much of its rate at once.
_CHALLENGE = (b"www-authenticate", b"Bearer")


class Bucket:
    """A token bucket: full at first, refilled at ``rate_per_s``."""

    __slots__ = ("_at", "_level", "_most", "_rate_per_s")

    def __init__(self, rate_per_s: float, *, now: float) -> None:
        assert rate_per_s > 0
        self._rate_per_s = rate_per_s
        self._most = max(1.0, rate_per_s * BURST_S)
        self._level, self._at = self._most, now

    def take(self, now: float) -> float:
        """Take one; 0.0 when there was one, else the seconds until there is.

        >>> bucket = Bucket(2.0, now=0.0)
        >>> [bucket.take(0.0), bucket.take(0.0), bucket.take(0.0)]
        [0.0, 0.0, 0.5]
        """
        self._level = min(self._most, self._level + (now - self._at) * self._rate_per_s)
        self._at = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        return (1.0 - self._level) / self._rate_per_s


class Admission:
    """Lets a request in to a function, or says why not."""

    def __init__(self, *, tokens: Tokens, identities: Identities) -> None:
        self._tokens, self._identities = tokens, identities
        self._buckets: dict[tuple[FunctionId, float], Bucket] = {}

    def admit(self, function: Function, *, authorization: bytes, now: float) -> Principal | None:
        """Check a function's ``auth`` and take one of its ``rate``.

        Raises:
            Refusal: who asks is not known, may not, or asks too often.
        """
        principal = None
        if function.auth is not None:
            principal = self._known(function, authorization)
        rate = function.limits.rate_per_s
        if rate is not None and rate > 0:
            wait_s = self._bucket(function.id, rate, now).take(now)
            if wait_s > 0:
                raise Refusal(
                    "rate_limited",
                    f"This function takes {rate:g} requests a second.",
                    (b"retry-after", retry_after(wait_s)),
                )
        return principal

    def _bucket(self, id: FunctionId, rate: float, now: float) -> Bucket:
        """Deploying again keeps the level; another rate begins anew."""
        bucket = self._buckets.get((id, rate))
        if bucket is None:
            for key in [key for key in self._buckets if key[0] == id]:
                del self._buckets[key]
            bucket = self._buckets[id, rate] = Bucket(rate, now=now)
        return bucket

    def _known(self, function: Function, authorization: bytes) -> Principal:
        wanted = function.auth or ""
        if wanted not in (TOKEN, USER) and not wanted.startswith(ROLE):
            raise Refusal("not_allowed", "Nobody may call this function over HTTP.")
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal("unauthenticated", "Send a token: Authorization: Bearer …", _CHALLENGE)
        if wanted == TOKEN:
            return self._holder(function, token.strip())
        role = None if wanted == USER else wanted.removeprefix(ROLE)
        return self._user(function, token.strip(), role=role)

    def _holder(self, function: Function, token: str) -> Principal:
        """Someone with a token of the platform, for the function's app."""
        principal = self._tokens.check(token)
        if principal is None:
            raise Refusal("unauthenticated", "This token is not known.", _CHALLENGE)
        if not principal.may_deploy(function.id.app):
            raise Refusal("not_allowed", "This token is not for this app.")
        return principal

    def _user(self, function: Function, token: str, *, role: str | None) -> Principal:
        """Someone who signed in to the function's app, or a program with a key of it."""
        principal = None
        if len(token) <= TOKEN_BYTES_MAX:
            principal = self._identities.check(function.id.app, token)
        if principal is None:
            raise Refusal("unauthenticated", "Sign in: this token is not a user's.", _CHALLENGE)
        if role is not None and role not in principal.roles:
            raise Refusal("not_allowed", f"This needs the role {role}.")
        return principal
