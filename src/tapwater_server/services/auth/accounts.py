"""An account's life, as its owner leads it: signing up, confirming, changing, leaving."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from tapwater_server.model.address import parse_address
from tapwater_server.model.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    Unauthenticated,
)
from tapwater_server.model.ids import AppId
from tapwater_server.model.user import Code, Purpose, User
from tapwater_server.ports.users import Ends
from tapwater_server.services.auth.entrance import Entrance, Tokens
from tapwater_server.services.auth.house import House, Place
from tapwater_server.services.auth.identities import hash_of

PROFILE_BYTES_MAX = 8 << 10
PROFILE_LEVELS_MAX = 50  # Whoever reads it must not reach Python's end of recursion.
CLAIMS_BYTES_MAX = 1 << 10  # They travel in each token.
_BAD_CODE = "this code is not good any more: it works once, and not for long"


class Accounts:
    """What users do with their own accounts."""

    def __init__(self, house: House, *, entrance: Entrance) -> None:
        self._house, self._entrance = house, entrance

    async def sign_up(
        self, app: AppId, email: str, password: str, profile: Mapping[str, Any], place: Place
    ) -> Tokens | None:
        """Make an account. None: a mail is on its way, whether or not there was one before.

        Raises:
            Invalid: the address, the password or the profile cannot be used.
            NotAllowed: the app makes its users itself.
            Conflict: the address is taken (only where no address is confirmed).
        """
        house, settings = self._house, self._house.settings(app)
        if not settings.sign_up:
            raise NotAllowed("this app makes its users itself")
        address, profile = parse_address(email), check_profile(profile)
        house.passwords.check(password, email=address, length_min=settings.password_length_min)
        self._pace(app, place)
        user = User(
            id=house.ids.fresh(),
            app=app,
            email=address,
            password=await house.passwords.hash(password),
            profile=profile,
            created_at=house.clock.now(),
            updated_at=house.clock.now(),
        )
        if not settings.confirm:
            await self._create(user, place, writes=house.may_write(user))
            return await self._entrance.open(user, place)
        await house.level(self._sign_up_quietly(user, place))
        return None

    async def _create(self, user: User, place: Place, *, writes: bool) -> None:
        """Make a user, and with them the letter that asks them to confirm their address."""
        house = self._house
        sent = house.code(user, Purpose.CONFIRM, place)
        await house.users.create(
            user,
            events=[house.event("created", user, place)],
            code=sent.code if writes else None,
            letter=sent.letter if writes else None,
        )

    async def _sign_up_quietly(self, user: User, place: Place) -> None:
        house = self._house
        writes = house.may_write(user)
        try:
            await self._create(user, place, writes=writes)
        except Conflict:
            there = await house.users.find_by_email(user.app, user.email)
            if there is None or not writes:
                return
            if there.email_verified:
                await house.post.keep(house.exists(there, place))
                return
            # Whoever was here first has not shown that the address is theirs.
            await house.change(
                user.app,
                there.id,
                lambda old: _with_password(replace(old, profile=user.profile), user.password),
                ends=lambda _: Ends.ALL,
                sent=lambda changed: house.code(changed, Purpose.CONFIRM, place),
            )

    async def send_again(self, app: AppId, email: str, place: Place) -> None:
        """Send the mail of the confirmation once more, if there is anything to confirm."""
        await self._quietly(app, email, Purpose.CONFIRM, place)

    async def confirm(self, app: AppId, code: str, place: Place) -> User:
        """Take a code of the confirmation.

        Raises:
            Invalid: it is not good, or not any more.
        """
        house = self._house
        self._pace_client(app, place)
        taken = await self._take(app, code, Purpose.CONFIRM)
        return await house.change(
            app,
            taken.user,
            lambda user: replace(
                user, email_verified=user.email_verified or user.email == taken.email
            ),
            events=lambda user: [house.event("confirmed", user, place)],
        )

    async def ask_reset(self, app: AppId, email: str, place: Place) -> None:
        """Send a code for a new password, if there is such a user; the answer does not say."""
        await self._quietly(app, email, Purpose.RESET, place)

    async def reset(self, app: AppId, code: str, password: str, place: Place) -> None:
        """Set a new password with a code. All sessions end; the address is confirmed by this.

        Raises:
            Invalid: the code is not good, or the password.
        """
        house = self._house
        self._pace_client(app, place)  # Before anything that costs: nobody has shown anything.
        house.passwords.check(
            password, email="", length_min=house.settings(app).password_length_min
        )
        hash = await house.passwords.hash(password)
        taken = await self._take(app, code, Purpose.RESET)

        def how(user: User) -> User:
            if user.email != taken.email:  # Who reads the old address is not the owner any more.
                raise Invalid(_BAD_CODE)
            return _with_password(replace(user, email_verified=True), hash)

        await house.change(app, taken.user, how, ends=what_ends)

    async def change_password(
        self, app: AppId, id: str, old: str, new: str, place: Place
    ) -> Tokens:
        """Change it; all sessions end, and a new one begins for whoever asks.

        Raises:
            Unauthenticated: the old one is wrong.
            Invalid: the new one is not good enough.
        """
        house = self._house
        user = await self._proven(app, id, old)
        length_min = house.settings(app).password_length_min
        house.passwords.check(new, email=user.email, length_min=length_min)
        hash = await house.passwords.hash(new)
        user = await house.change(
            app, id, lambda now: _with_password(now, hash), ends=lambda _: Ends.SESSIONS
        )
        return await self._entrance.open(user, place)

    async def ask_change_email(
        self, app: AppId, id: str, password: str, email: str, place: Place
    ) -> None:
        """Send a code to the new address; the old one stays until it comes back."""
        user = await self._proven(app, id, password)
        address = parse_address(email)
        if address != user.email:
            await self._house.level(
                self._send(replace(user, email=address), Purpose.CHANGE_EMAIL, place)
            )

    async def change_email(self, app: AppId, code: str, place: Place) -> User:
        """Take the code that went to the new address.

        Raises:
            Invalid: it is not good, or not any more.
            Conflict: somebody else has the address by now.
        """
        self._pace_client(app, place)
        taken = await self._take(app, code, Purpose.CHANGE_EMAIL)
        return await self._house.change(
            app,
            taken.user,
            lambda user: replace(
                user, email=taken.email, email_verified=True, generation=user.generation + 1
            ),
        )

    async def change_profile(self, app: AppId, id: str, profile: Mapping[str, Any]) -> User:
        fine = check_profile(profile)
        return await self._house.change(app, id, lambda user: replace(user, profile=fine))

    async def leave(self, app: AppId, id: str, password: str, place: Place) -> None:
        """Delete one's own account.

        Raises:
            Unauthenticated: the password is wrong.
        """
        user = await self._house.require(app, id)
        if user.password:
            await self._proven(app, id, password)
        await delete(self._house, user, place)

    async def _quietly(self, app: AppId, email: str, purpose: Purpose, place: Place) -> None:
        address = parse_address(email)
        self._pace(app, place)
        await self._house.level(self._send_if_known(app, address, purpose, place))

    async def _send_if_known(
        self, app: AppId, address: str, purpose: Purpose, place: Place
    ) -> None:
        user = await self._house.users.find_by_email(app, address)
        if user is None:
            # What goes wrong with a letter must go wrong for strangers, too.
            self._house.code(User(id="", app=app, email=address), purpose, place)
        elif not user.disabled and not (purpose is Purpose.CONFIRM and user.email_verified):
            await self._send(user, purpose, place)

    async def _send(self, user: User, purpose: Purpose, place: Place) -> None:
        sent = self._house.code(user, purpose, place)
        if self._house.may_write(user):
            await self._house.users.add_code(sent.code, letter=sent.letter)

    def _pace(self, app: AppId, place: Place) -> None:
        """Slow down one client, and all together: each of these may end in a letter."""
        self._pace_client(app, place)
        self._house.pacing.take(self._house.paces.by_app, app, "app")

    def _pace_client(self, app: AppId, place: Place) -> None:
        house = self._house
        house.pacing.take(house.paces.by_client, app, "client", place.client)

    async def _take(self, app: AppId, code: str, purpose: Purpose) -> Code:
        house = self._house
        taken = await house.users.take_code(
            app, hash_of(code.strip()), purpose=purpose, now=house.clock.now()
        )
        if taken is None:
            raise Invalid(_BAD_CODE)
        return taken

    async def _proven(self, app: AppId, id: str, password: str) -> User:
        """Ask for the password again before something that cannot be taken back."""
        house = self._house
        user = await house.users.find(app, id)
        if user is None:
            raise NotFound("keys for programs have no account")
        house.pacing.take(house.paces.by_account, app, "proof", user.id)
        if not await house.passwords.fits(password, user.password):
            raise Unauthenticated("the password is wrong")
        house.pacing.give_back(app, "proof", user.id)
        return user


async def delete(house: House, user: User, place: Place | None) -> None:
    """Remove a user with everything that is theirs."""
    await house.users.remove(
        user.app,
        user.id,
        refuse_until=house.refuse_until(),
        events=[house.event("deleted", user, place)],
    )


def check_profile(profile: Mapping[str, Any], *, bytes_max: int = PROFILE_BYTES_MAX) -> Any:
    """See that it is small. Raises Invalid: it is not."""
    if _is_deeper(profile, PROFILE_LEVELS_MAX):
        raise Invalid(f"profile or claims: nested deeper than {PROFILE_LEVELS_MAX}")
    if len(msgspec.json.encode(profile)) > bytes_max:
        raise Invalid(f"profile or claims: more than {bytes_max} bytes as JSON")
    return dict(profile)


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, (Mapping, list)):
        return False
    inner = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def what_ends(user: User) -> Ends:
    """Say what ends when somebody shows that the address is theirs, and takes the account over.

    Before an address was confirmed the account may have been anybody's: its keys go, too.
    """
    return Ends.SESSIONS if user.email_verified else Ends.ALL


def _with_password(user: User, hash: str) -> User:
    return replace(user, password=hash, generation=user.generation + 1)
