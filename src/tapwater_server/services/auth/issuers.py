"""Other issuers of identities (OpenID Connect): what they publish, and what they say of a user."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tapwater_server.model.accounts import OidcIssuer, is_web_address
from tapwater_server.model.errors import Unauthenticated
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.fetching import Fetcher, FetchFailed

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

# No symmetric one: the client's secret must not be able to stand for the issuer.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
PUBLISHED_S = 600.0  # How long what an issuer publishes is believed without asking again.
AGAIN_S_MIN = 30.0  # An unknown key makes us ask again, but not more often than this.
ISSUERS_MAX = 1_000
LEEWAY_S = 60.0
_PLACES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What an issuer says about itself."""

    authorization_endpoint: str
    token_endpoint: str
    keys: "KeySet"
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an issuer says of a user."""

    subject: str
    email: str
    email_verified: bool
    name: str


class Issuers:
    """Asks issuers, and remembers what they publish for a while."""

    def __init__(self, *, fetcher: Fetcher, clock: Clock, own_network: bool) -> None:
        self._fetcher, self._clock = fetcher, clock
        self._own_network = own_network
        self._known: dict[str, Published] = {}

    async def published(self, issuer: OidcIssuer, *, again: bool = False) -> Published:
        """What an issuer publishes.

        Raises:
            FetchFailed: it publishes nothing that can be used.
        """
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        known, now = self._known.get(issuer.issuer), self._clock.monotonic()
        fresh_s = AGAIN_S_MIN if again else PUBLISHED_S
        if known is not None and now - known.at < fresh_s:
            return known
        said = await self._get(f"{issuer.issuer}/.well-known/openid-configuration")
        if not isinstance(said, dict) or str(said.get("issuer")).rstrip("/") != issuer.issuer:
            raise FetchFailed(f"{issuer.issuer} says that it is somebody else")
        places = [said.get(name) for name in _PLACES]
        if not all(isinstance(place, str) and is_web_address(place) for place in places):
            raise FetchFailed(f"{issuer.issuer} does not say where to ask")
        keys = await self._get(str(said["jwks_uri"]))
        try:
            read = KeySet.import_key_set(keys)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise FetchFailed(f"{issuer.issuer} publishes keys that cannot be read") from None
        if len(self._known) >= ISSUERS_MAX:
            self._known.clear()
        self._known[issuer.issuer] = published = Published(
            authorization_endpoint=str(said["authorization_endpoint"]),
            token_endpoint=str(said["token_endpoint"]),
            keys=read,
            at=now,
        )
        return published

    async def redeem(
        self, issuer: OidcIssuer, *, code: str, verifier: str, redirect: str, secret: str
    ) -> str:
        """Exchange the issuer's code for its word about the user, as a signed token.

        Raises:
            FetchFailed: it does not give one.
        """
        published = await self.published(issuer)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": issuer.client_id,
            "code_verifier": verifier,
        }
        said = await self._fetcher.ask(
            published.token_endpoint,
            form=form,
            basic=(issuer.client_id, secret) if secret else None,
            own_network=self._own_network,
        )
        token = said.get("id_token") if isinstance(said, dict) else None
        if not isinstance(token, str):
            raise FetchFailed(f"{issuer.issuer} gave no id_token")
        return token

    async def read(self, issuer: OidcIssuer, token: str, *, nonce: str) -> Told:
        """Check the issuer's word.

        Raises:
            Unauthenticated: it is not that issuer's, not for us, not of this sign-in, or too old.
        """
        from joserfc import jwt
        from joserfc.errors import JoseError

        for again in (False, True):
            published = await self.published(issuer, again=again)
            try:
                decoded = jwt.decode(token, published.keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError, KeyError):
                continue
            return self._told(issuer, decoded.claims, nonce=nonce)
        raise Unauthenticated("what the issuer said is not signed by it")

    def _told(self, issuer: OidcIssuer, said: Mapping[str, Any], *, nonce: str) -> Told:
        audience = said.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        now, ends = self._clock.now(), said.get("exp")
        right = (
            str(said.get("iss")).rstrip("/") == issuer.issuer
            and issuer.client_id in named
            and (len(named) == 1 or said.get("azp") == issuer.client_id)
            and said.get("nonce") == nonce
            and isinstance(ends, int | float)
            and now < ends + LEEWAY_S
        )
        subject = said.get("sub")
        if not right or not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise Unauthenticated("what the issuer said is not for this sign-in, or too old")
        email = said.get("email")
        return Told(
            subject=subject,
            email=email if isinstance(email, str) else "",
            email_verified=said.get("email_verified") is True,
            name=str(said.get("name", ""))[:200],
        )

    async def _get(self, url: str) -> Any:
        return await self._fetcher.ask(url, own_network=self._own_network)
