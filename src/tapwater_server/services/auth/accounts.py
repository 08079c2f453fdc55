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
from tapwater_server.services.auth.entrance import Entrance, Tokens
from tapwater_server.services.auth.house import House, Place
from tapwater_server.services.auth.identities import hash_of
from tapwater_server.services.auth.letters import write

PROFILE_BYTES_MAX = 8 << 10
CLAIMS_BYTES_MAX = 1 << 10  # They travel in each token.
_CODE_S: Mapping[Purpose, float] = {
    Purpose.CONFIRM: 86_400.0,
    Purpose.RESET: 3_600.0,
    Purpose.CHANGE_EMAIL: 3_600.0,
}


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
        house.pacing.take(house.paces.by_client, app, "client", place.client)
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
            await house.users.create(user, events=[house.event("created", user, place)])
            await self._send_code(user, Purpose.CONFIRM, place)
            return await self._entrance.open(user, place)
        await house.level(self._sign_up_quietly(user, place))
        return None

    async def _sign_up_quietly(self, user: User, place: Place) -> None:
        try:
            await self._house.users.create(user, events=[self._house.event("created", user, place)])
        except Conflict:
            there = await self._house.users.find_by_email(user.app, user.email)
            if there is not None and there.email_verified:
                await self._tell(there, place)
            elif there is not None:
                # Whoever was here first has not shown that the address is theirs.
                there = await self._house.change(
                    user.app,
                    there.id,
                    lambda old: _with_password(replace(old, profile=user.profile), user.password),
                )
                await self._send_code(there, Purpose.CONFIRM, place)
            return
        await self._send_code(user, Purpose.CONFIRM, place)

    async def send_again(self, app: AppId, email: str, place: Place) -> None:
        """Send the mail of the confirmation once more, if there is anything to confirm."""
        await self._quietly(app, email, Purpose.CONFIRM, place)

    async def confirm(self, app: AppId, code: str, place: Place) -> User:
        """Take a code of the confirmation.

        Raises:
            Invalid: it is not good, or not any more.
        """
        taken = await self._take(app, code, Purpose.CONFIRM, place)
        house = self._house
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
        house.passwords.check(
            password, email="", length_min=house.settings(app).password_length_min
        )
        hash = await house.passwords.hash(password)
        taken = await self._take(app, code, Purpose.RESET, place)

        def how(user: User) -> User:
            verified = user.email_verified or user.email == taken.email
            return _with_password(replace(user, email_verified=verified), hash)

        await house.change(app, taken.user, how)
        await self._entrance.sign_out(app, taken.user, "", everywhere=True)

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
        user = await house.change(app, id, lambda now: _with_password(now, hash))
        await self._entrance.sign_out(app, id, "", everywhere=True)
        return await self._entrance.open(user, place)

    async def ask_change_email(
        self, app: AppId, id: str, password: str, email: str, place: Place
    ) -> None:
        """Send a code to the new address; the old one stays until it comes back."""
        user = await self._proven(app, id, password)
        address = parse_address(email)
        if address != user.email:
            await self._house.level(
                self._send_code(replace(user, email=address), Purpose.CHANGE_EMAIL, place)
            )

    async def change_email(self, app: AppId, code: str, place: Place) -> User:
        """Take the code that went to the new address.

        Raises:
            Invalid: it is not good, or not any more.
            Conflict: somebody else has the address by now.
        """
        taken = await self._take(app, code, Purpose.CHANGE_EMAIL, place)
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
        self._house.pacing.take(self._house.paces.by_client, app, "client", place.client)
        await self._house.level(self._send_if_known(app, address, purpose, place))

    async def _send_if_known(
        self, app: AppId, address: str, purpose: Purpose, place: Place
    ) -> None:
        user = await self._house.users.find_by_email(app, address)
        if user is None or user.disabled:
            return
        if purpose is Purpose.CONFIRM and user.email_verified:
            return
        await self._send_code(user, purpose, place)

    async def _send_code(self, user: User, purpose: Purpose, place: Place) -> None:
        """Beyond the pace of letters nothing is sent, and nobody is told: they have some."""
        house = self._house
        if house.pacing.wait_s(house.paces.letters, user.app, "letter", user.email) > 0:
            return
        text = house.ids.secret()
        await house.users.add_code(
            Code(
                app=user.app,
                hash=hash_of(text),
                user=user.id,
                purpose=purpose,
                email=user.email,
                expires_at=house.clock.now() + _CODE_S[purpose],
            )
        )
        draft = write(
            purpose.value,
            app=user.app,
            email=user.email,
            code=text,
            auth_url=place.issuer,
            settings=house.settings(user.app),
        )
        await house.post.send(user.app, draft)

    async def _tell(self, user: User, place: Place) -> None:
        """Tell the owner of an address that somebody tried to sign up with it."""
        house = self._house
        if house.pacing.wait_s(house.paces.letters, user.app, "letter", user.email) > 0:
            return
        draft = write(
            "exists",
            app=user.app,
            email=user.email,
            code="",
            auth_url=place.issuer,
            settings=house.settings(user.app),
        )
        await house.post.send(user.app, draft)

    async def _take(self, app: AppId, code: str, purpose: Purpose, place: Place) -> Code:
        house = self._house
        house.pacing.take(house.paces.by_client, app, "client", place.client)
        taken = await house.users.take_code(
            app, hash_of(code.strip()), purpose=purpose, now=house.clock.now()
        )
        if taken is None:
            raise Invalid("this code is not good any more: it works once, and not for long")
        return taken

    async def _proven(self, app: AppId, id: str, password: str) -> User:
        """Ask for the password again before something that cannot be taken back."""
        house = self._house
        user = await house.users.find(app, id)
        if user is None:
            raise NotFound("keys for programs have no account")
        house.pacing.take(house.paces.by_account, app, "account", user.email)
        if not await house.passwords.fits(password, user.password):
            raise Unauthenticated("the password is wrong")
        house.pacing.give_back(app, "account", user.email)
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
    if len(msgspec.json.encode(profile)) > bytes_max:
        raise Invalid(f"profile or claims: more than {bytes_max} bytes as JSON")
    return dict(profile)


def _with_password(user: User, hash: str) -> User:
    return replace(user, password=hash, generation=user.generation + 1)
