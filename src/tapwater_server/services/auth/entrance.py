"""Coming in and going out: sessions, and the tokens that stand for them."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from typing import Any

from tapwater_server.model.address import parse_address
from tapwater_server.model.errors import Conflict, Invalid, NotAllowed, Unauthenticated
from tapwater_server.model.ids import AppId
from tapwater_server.model.user import Session, User
from tapwater_server.ports.users import Offer
from tapwater_server.services.auth.access import ACCESS_S
from tapwater_server.services.auth.house import House, Place
from tapwater_server.services.auth.identities import hash_of

SESSION_S = 60 * 86_400.0
SESSIONS_MAX = 50  # Of one user; the oldest end.
GRACE_S = 10.0  # Two tabs refresh at once; an answer gets lost on a train.
REFRESH_PREFIX = "tapr_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a client gets when somebody has signed in (the names are those of OAuth 2)."""

    access_token: str
    refresh_token: str
    expires_in: int
    user: dict[str, Any]
    token_type: str = "Bearer"


class Entrance:
    """Sessions of users."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def sign_in(self, app: AppId, email: str, password: str, place: Place) -> Tokens:
        """Begin a session for who knows the password.

        Raises:
            Unauthenticated, NotAllowed, RateLimited: see ``prove``.
        """
        user = await self.prove(app, email, password, place)
        return await self.open(await self._renewed(user, password), place)

    async def prove(self, app: AppId, email: str, password: str, place: Place) -> User:
        """Compare, whether or not there is such a user: the answer and its time are the same.

        Raises:
            Unauthenticated: the address or the password is wrong.
            NotAllowed: both are right, and the address must be confirmed first.
            RateLimited: too many attempts.
        """
        house = self._house
        known = _address_or_nothing(email)
        house.pacing.take(house.paces.by_client, app, "client", place.client)
        house.pacing.take(house.paces.by_account, app, "account", known, place.client)
        house.pacing.take(house.paces.by_target, app, "target", known)
        user = await house.users.find_by_email(app, known)
        fits = await house.passwords.fits(password, user.password if user else "")
        if user is None or not fits or user.disabled:
            raise Unauthenticated("the address or the password is wrong")
        house.pacing.give_back(app, "account", known, place.client)
        house.pacing.give_back(app, "target", known)
        if house.settings(app).confirm and not user.email_verified:
            raise NotAllowed("confirm your address first: look for the mail we sent")
        return user

    async def open(self, user: User, place: Place) -> Tokens:
        """Begin a session for a user who has shown who they are."""
        house = self._house
        refresh, now = REFRESH_PREFIX + house.ids.secret(), house.clock.now()
        session = Session(
            id=house.ids.fresh(),
            app=user.app,
            user=user.id,
            hash=hash_of(refresh),
            opened_at=now,
            used_at=now,
            expires_at=now + SESSION_S,
            agent=place.agent[:200],
        )
        try:
            await house.users.open_session(
                session, generation=user.generation, count_max=SESSIONS_MAX
            )
        except Conflict:
            # A new password, perhaps: what was compared is not true any more.
            raise Unauthenticated("the account was changed at this moment: try again") from None
        return await self._tokens(user, session, refresh, place)

    async def refresh(self, app: AppId, token: str, place: Place) -> Tokens:
        """Exchange a refresh token for new tokens.

        The next one is made of this one and of chance that is kept beside its hash. So whoever
        shows this one again at once gets the same next one, though nobody has its text.

        Raises:
            Unauthenticated: it is not good, or was used before: then its session has ended now.
            RateLimited: too many attempts.
        """
        house = self._house
        house.pacing.take(house.paces.by_client, app, "client", place.client)
        salt = house.ids.secret().encode()
        turned = await house.users.turn_in(
            app,
            hash_of(token),
            offer=Offer(hash=hash_of(_next(token, salt)), salt=salt),
            now=house.clock.now(),
            grace_s=GRACE_S,
            refuse_until=house.refuse_until(),
        )
        if turned.session is None:
            why = "was used before, so its session has ended" if turned.reused else "is not good"
            raise Unauthenticated(f"this refresh token {why}: sign in again")
        user = await house.users.find(app, turned.session.user)
        if user is None or user.disabled:
            raise Unauthenticated("this refresh token is not good: sign in again")
        return await self._tokens(user, turned.session, _next(token, turned.salt), place)

    async def sign_out(self, app: AppId, user: str, session: str, *, everywhere: bool) -> int:
        """End this session, or all of the user's; their access tokens are refused at once.

        Raises:
            Invalid: a key for programs has no session.
        """
        if not everywhere and not session:
            raise Invalid("this token has no session; with everywhere: true all of them end")
        return await self._house.users.end_sessions(
            app,
            user,
            only="" if everywhere else session,
            refuse_until=self._house.refuse_until(),
        )

    async def _renewed(self, user: User, password: str) -> User:
        """Hash again what was hashed more weakly than we do today: only now do we know the text."""
        if not self._house.passwords.is_old(user.password):
            return user
        hash = await self._house.passwords.hash(password)
        return await self._house.change(
            user.app,
            user.id,
            lambda now: replace(now, password=hash) if now.password == user.password else now,
        )

    async def _tokens(self, user: User, session: Session, refresh: str, place: Place) -> Tokens:
        access = await self._house.access.issue(user, session=session.id, issuer=place.issuer)
        return Tokens(
            access_token=access,
            refresh_token=refresh,
            expires_in=int(ACCESS_S),
            user=user.public(),
        )


def _next(token: str, salt: bytes) -> str:
    made = hmac.digest(salt, token.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return REFRESH_PREFIX + urlsafe_b64encode(made).decode().rstrip("=")


def _address_or_nothing(email: str) -> str:
    """What is no address is nobody's; it must not be answered in another way than those."""
    try:
        return parse_address(email)
    except Invalid:
        return ""
