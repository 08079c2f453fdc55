"""JSON web tokens: checked by the keys that their issuer publishes."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tapwater_server.ports.clock import Clock

KEYS_S_MAX = 3_600.0  # For so long an issuer's keys are believed.
REFRESH_S_MIN = 30.0  # No issuer is asked more often, whatever tokens come.
ISSUERS_MAX = 100
SKEW_S = 60
_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"]


class BadToken(Exception):
    """A token is not good. Says why, in words that may be shown."""


class FetchKeys(Protocol):
    """Gets the keys that an issuer publishes."""

    async def __call__(self, issuer: str) -> Mapping[str, Any]:
        """Give the key set.

        Raises:
            OSError: it cannot be had.
        """
        ...


class Tokens:
    """Checks tokens."""

    def __init__(self, *, fetch: FetchKeys, clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: dict[str, tuple[Any, float]] = {}
        self._asking = asyncio.Lock()

    async def claims(self, said: str, *, issuer: str, audience: Sequence[str]) -> Mapping[str, Any]:
        """Give what a token claims.

        Raises:
            BadToken: it is not good.
        """
        from joserfc import jwt
        from joserfc.errors import JoseError

        token = said.split(" ", 1)[1] if said.lower().startswith("bearer ") else said
        try:
            found = jwt.decode(token.strip(), await self._set(issuer), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            try:  # The issuer may have new keys.
                keys = await self._set(issuer, anew=True)
                found = jwt.decode(token.strip(), keys, algorithms=_ALGORITHMS)
            except (JoseError, ValueError) as error:
                raise BadToken("signature is invalid") from error
        claims: Mapping[str, Any] = found.claims
        self._check(claims, issuer, audience)
        return claims

    def _check(self, claims: Mapping[str, Any], issuer: str, audience: Sequence[str]) -> None:
        now = self._clock.now()
        if claims.get("iss") != issuer:
            raise BadToken("the issuer is another")
        if not _number(claims.get("exp"), 0.0) + SKEW_S > now:
            raise BadToken("the token has expired")
        if _number(claims.get("nbf"), now) > now + SKEW_S:
            raise BadToken("the token is not valid yet")
        said = claims.get("aud") or claims.get("client_id") or []
        mine = {said} if isinstance(said, str) else set(map(str, said))
        if audience and not mine & set(map(str, audience)):
            raise BadToken("the audience is another")

    async def _set(self, issuer: str, *, anew: bool = False) -> Any:
        from joserfc.jwk import KeySet

        async with self._asking:
            known, at = self._keys.get(issuer, (None, float("-inf")))
            age_s = self._clock.monotonic() - at
            if known is not None and age_s < (REFRESH_S_MIN if anew else KEYS_S_MAX):
                return known
            try:
                found = KeySet.import_key_set(dict(await self._fetch(issuer)))  # type: ignore[arg-type]
            except (OSError, ValueError) as error:
                raise BadToken("the issuer's keys cannot be had") from error
            if len(self._keys) >= ISSUERS_MAX:
                self._keys.clear()
            self._keys[issuer] = found, self._clock.monotonic()
            return found


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
