"""Signing in elsewhere: to the issuer, back with its word, and into the app with a code."""

import base64
import hashlib
from dataclasses import dataclass, replace
from hmac import compare_digest
from urllib.parse import urlencode

from tapwater_server.model.accounts import OidcIssuer
from tapwater_server.model.address import parse_address
from tapwater_server.model.errors import Conflict, Invalid, NotAllowed, NotFound, Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.model.user import Link, User
from tapwater_server.ports.secrets import Secrets
from tapwater_server.ports.users import Ends
from tapwater_server.services.auth.entrance import Entrance, Tokens
from tapwater_server.services.auth.house import House, Place
from tapwater_server.services.auth.identities import hash_of
from tapwater_server.services.auth.issuers import Issuers, Told

ON_THE_WAY_MAX = 10_000  # People who are at an issuer now, on this node.
ON_THE_WAY_S = 600.0
CODE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trip:
    """Somebody is at an issuer. ``cookie`` ties the way back to the browser that set out."""

    app: AppId
    issuer: str
    redirect: str
    verifier: str
    nonce: str
    cookie: bytes
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """Somebody came back, and their page may fetch their tokens, once."""

    app: AppId
    user: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Where to send the browser, and what it has to keep."""

    url: str
    cookie: str


class Elsewhere:
    """Sign-ins by other issuers. Trips are in memory: after a new start one sets out again."""

    def __init__(
        self, house: House, *, entrance: Entrance, issuers: Issuers, secrets: Secrets
    ) -> None:
        self._house, self._entrance = house, entrance
        self._issuers, self._secrets = issuers, secrets
        self._trips: dict[str, _Trip] = {}
        self._arrivals: dict[bytes, _Arrival] = {}

    async def set_out(self, app: AppId, name: str, redirect: str, place: Place) -> Leave:
        """Begin a sign-in.

        Raises:
            NotFound: the app knows no such issuer.
            Invalid: ``redirect`` is none of the app's.
        """
        house, issuer = self._house, self._issuer(app, name)
        allowed = house.settings(app).redirects
        if redirect not in allowed:
            raise Invalid("redirect is none of those in [users] redirects of tapwater.toml")
        house.pacing.take(house.paces.by_client, app, "client", place.client)
        published = await self._issuers.published(issuer)
        state, cookie = house.ids.secret(), house.ids.secret()
        trip = _Trip(
            app=app,
            issuer=name,
            redirect=redirect,
            verifier=house.ids.secret(),
            nonce=house.ids.secret(),
            cookie=hash_of(cookie),
            until=house.clock.monotonic() + ON_THE_WAY_S,
        )
        self._keep(state, trip)
        query = {
            "response_type": "code",
            "client_id": issuer.client_id,
            "redirect_uri": _back(place, name),
            "scope": " ".join(issuer.scopes),
            "state": state,
            "nonce": trip.nonce,
            "code_challenge": _challenge(trip.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in published.authorization_endpoint else "?"
        return Leave(
            url=f"{published.authorization_endpoint}{joint}{urlencode(query)}", cookie=cookie
        )

    async def come_back(
        self, app: AppId, name: str, *, state: str, code: str, cookie: str, place: Place
    ) -> str:
        """The issuer sends somebody back: give the address of the app's page to go on to.

        Raises:
            Invalid: nobody of this browser set out so.
            Unauthenticated: the issuer's word does not hold.
            NotAllowed, Conflict: this user cannot come in so.
        """
        house = self._house
        house.pacing.take(house.paces.by_client, app, "client", place.client)
        trip = self._trips.pop(state, None)
        if (
            trip is None
            or (trip.app, trip.issuer) != (app, name)
            or trip.until < house.clock.monotonic()
            or not compare_digest(trip.cookie, hash_of(cookie))
        ):
            raise Invalid("this sign-in was not begun here, or too long ago: begin again")
        issuer = self._issuer(app, name)
        token = await self._issuers.redeem(
            issuer,
            code=code,
            verifier=trip.verifier,
            redirect=_back(place, name),
            secret=self._secret(app, issuer),
        )
        told = await self._issuers.read(issuer, token, nonce=trip.nonce)
        user = await self._user(app, Link(issuer.issuer, told.subject), told, place)
        fresh = house.ids.secret()
        self._arrivals[hash_of(fresh)] = _Arrival(
            app=app, user=user.id, until=house.clock.monotonic() + CODE_S
        )
        joint = "&" if "?" in trip.redirect else "?"
        return f"{trip.redirect}{joint}{urlencode({'code': fresh})}"

    async def come_in(self, app: AppId, code: str, place: Place) -> Tokens:
        """Exchange the code that the app's page was given for tokens.

        Raises:
            Invalid: it is not good, or not any more.
        """
        self._house.pacing.take(self._house.paces.by_client, app, "client", place.client)
        arrival = self._arrivals.pop(hash_of(code), None)
        user = None
        if arrival is not None and arrival.app == app and arrival.until >= self._now():
            user = await self._house.users.find(app, arrival.user)
        if user is None or user.disabled:
            raise Invalid("this code is not good any more: it works once, and not for long")
        return await self._entrance.open(user, place)

    async def _user(self, app: AppId, link: Link, told: Told, place: Place) -> User:
        """Find who that is here; make a user when it is nobody yet."""
        house = self._house
        user = await house.users.find_linked(app, link)
        if user is None and told.email and told.email_verified:
            there = await house.users.find_by_email(app, parse_address(told.email))
            if there is not None:
                user = await house.change(
                    app,
                    there.id,
                    lambda old: _linked(old, link),
                    ends=lambda old: Ends.NOTHING if old.email_verified else Ends.ALL,
                )
        if user is None:
            user = await self._made(app, link, told, place)
        if user.disabled:
            raise NotAllowed("this account is disabled")
        return user

    async def _made(self, app: AppId, link: Link, told: Told, place: Place) -> User:
        house = self._house
        if not house.settings(app).sign_up:
            raise NotAllowed("this app makes its users itself")
        now = house.clock.now()
        email = parse_address(told.email) if told.email and told.email_verified else ""
        user = User(
            id=house.ids.fresh(),
            app=app,
            email=email,
            email_verified=bool(email),
            profile={"name": told.name} if told.name else {},
            links=(link,),
            created_at=now,
            updated_at=now,
        )
        try:
            await house.users.create(user, events=[house.event("created", user, place)])
        except Conflict:
            raise Conflict("somebody signed up with this just now: begin again") from None
        return user

    def _now(self) -> float:
        return self._house.clock.monotonic()

    def _issuer(self, app: AppId, name: str) -> OidcIssuer:
        issuer = self._house.settings(app).oidc.get(name)
        if issuer is None:
            raise NotFound(f"this app knows no issuer {name[:64]!r}")
        return issuer

    def _secret(self, app: AppId, issuer: OidcIssuer) -> str:
        name = issuer.client_secret
        if not name:
            return ""
        found = self._secrets.values(app, [name]).get(name)
        if found is None:
            raise Invalid(f"the app has no secret {name}: set it with tapwater secrets set")
        return found

    def _keep(self, state: str, trip: _Trip) -> None:
        now = self._house.clock.monotonic()
        if len(self._trips) >= ON_THE_WAY_MAX:
            self._trips = {key: one for key, one in self._trips.items() if one.until > now}
        if len(self._trips) >= ON_THE_WAY_MAX:
            raise Overloaded("too many people sign in at this moment", retry_after_s=30.0)
        self._arrivals = {key: one for key, one in self._arrivals.items() if one.until > now}
        self._trips[state] = trip


def _linked(user: User, link: Link) -> User:
    """An address that nobody had confirmed may be somebody else's doing: their password goes."""
    known = user if user.email_verified else replace(user, password="", email_verified=True)
    if known is not user:
        known = replace(known, generation=user.generation + 1)
    return replace(known, links=(*known.links, link))


def _back(place: Place, name: str) -> str:
    return f"{place.issuer}/oidc/{name}/callback"


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
