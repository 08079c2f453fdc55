"""What an app does with its users: list, make, change, disable, remove, import; and keys."""

import builtins
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tapwater_server.model.address import parse_address
from tapwater_server.model.errors import Conflict, Invalid, NotFound, TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.model.user import ApiKey, User
from tapwater_server.ports.users import Ends, Wanted
from tapwater_server.services.auth.accounts import CLAIMS_BYTES_MAX, check_profile, delete
from tapwater_server.services.auth.house import House, Place
from tapwater_server.services.auth.identities import KEY_PREFIX, hash_of
from tapwater_server.services.auth.passwords import check_hash

ROLES_MAX = 50
KEYS_OF_USER_MAX = 20  # So that no user fills the app.
KEYS_MAX = 10_000  # Per app: they are held in memory.
KEY_EXPIRES_S_MAX = 3.2e9  # A hundred years.
IMPORT_MAX = 1_000  # In one request.
_ROLE = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}")
_KEY_NAME = re.compile(r"[\w .:@/-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be changed about a user; None: left as it is."""

    email: str | None = None
    email_verified: bool | None = None
    password: str | None = None
    roles: Sequence[str] | None = None
    claims: Mapping[str, Any] | None = None
    profile: Mapping[str, Any] | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user who is made by the app. With ``password_hash`` (argon2) they keep their password."""

    email: str
    password: str = ""
    password_hash: str = ""
    email_verified: bool = True
    roles: Sequence[str] = ()
    claims: Mapping[str, Any] | None = None
    profile: Mapping[str, Any] | None = None
    id: str = ""


class Desk:
    """What only the app itself may do. Who asks was checked before."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def list(
        self, app: AppId, wanted: Wanted, *, after: str, count_max: int
    ) -> "Sequence[User]":
        return await self._house.users.list(app, wanted, after=after, count_max=count_max)

    async def show(self, app: AppId, name: str) -> User:
        """Find a user by id or address.

        Raises:
            NotFound: there is none.
        """
        if "@" not in name:
            return await self._house.require(app, name)
        user = await self._house.users.find_by_email(app, parse_address(name))
        if user is None:
            raise NotFound(f"there is no user {name[:64]!r}")
        return user

    async def create(self, app: AppId, new: NewUser, place: Place) -> User:
        """Make a user.

        Raises:
            Invalid: something about it cannot be meant.
            Conflict: the address or the id is taken.
        """
        house = self._house
        user = await self._built(app, new)
        await house.users.create(user, events=[house.event("created", user, place)])
        return user

    async def bring_in(
        self, app: AppId, news: Sequence[NewUser], place: Place
    ) -> "builtins.list[Mapping[str, Any]]":
        """Make many; each stands or falls by itself, and those that are there are left alone."""
        if len(news) > IMPORT_MAX:
            raise Invalid(f"{IMPORT_MAX} users at a time at most")
        said: builtins.list[Mapping[str, Any]] = []
        for new in news:
            try:
                user = await self.create(app, new, place)
            except Conflict as error:
                said.append({"email": new.email, "result": "there", "detail": error.message})
            except TapwaterError as error:
                said.append({"email": new.email, "result": "refused", "detail": error.message})
            else:
                said.append({"email": user.email, "result": "created", "id": user.id})
        return said

    async def change(self, app: AppId, id: str, change: Change, place: Place) -> User:
        """Change a user. New roles, claims, a new password and disabling hold at once: tokens
        issued before are refused.

        Raises:
            NotFound: there is no such user.
            Invalid, Conflict: it cannot be changed so.
        """
        house = self._house
        values = checked(change)
        if change.password is not None:
            house.passwords.check(change.password, email=values.get("email", ""))
            values["password"] = await house.passwords.hash(change.password)
        ending = change.disabled or change.password is not None
        user = await house.change(
            app,
            id,
            lambda user: _aged(user, replace(user, **values)),
            ends=lambda _: Ends.SESSIONS if ending else Ends.NOTHING,
        )
        return user

    async def remove(self, app: AppId, id: str, place: Place) -> None:
        await delete(self._house, await self._house.require(app, id), place)

    async def add_key(
        self, app: AppId, *, name: str, user: str, roles: Sequence[str], expires_in_s: float
    ) -> tuple[ApiKey, str]:
        """Make a key; its text is given out this once.

        Raises:
            Invalid: name or roles cannot be meant.
            NotFound: there is no such user.
            Conflict: the user has too many.
        """
        house = self._house
        if not _KEY_NAME.fullmatch(name):
            raise Invalid("a key needs a name of 1 to 100 letters, digits, spaces and _ . : @ / -")
        if user and roles:
            raise Invalid("a key of a user has that user's roles: give it none of its own")
        if not 0 <= expires_in_s <= KEY_EXPIRES_S_MAX:
            raise Invalid(f"a key expires in 0 (never) to {KEY_EXPIRES_S_MAX:g} seconds")
        if user and len(self.keys(app, user=user)) >= KEYS_OF_USER_MAX:
            raise Conflict(f"a user has {KEYS_OF_USER_MAX} keys at most: revoke one first")
        text, now = KEY_PREFIX + house.ids.secret(), house.clock.now()
        key = ApiKey(
            id=house.ids.fresh(),
            app=app,
            hash=hash_of(text),
            name=name,
            user=user,
            roles=check_roles(roles),
            created_at=now,
            expires_at=now + expires_in_s if expires_in_s else 0.0,
        )
        await house.users.add_key(key, count_max=KEYS_MAX)
        return key, text

    def keys(self, app: AppId, *, user: str | None) -> "Sequence[ApiKey]":
        """List the keys of an app; of one user, if one is named."""
        keys = self._house.users.keys(app)
        return [key for key in keys if user is None or key.user == user]

    async def remove_key(self, app: AppId, id: str, *, user: str | None) -> None:
        """Revoke a key; with ``user``, only one of theirs.

        Raises:
            NotFound: there is none.
        """
        mine = [key for key in self.keys(app, user=user) if key.id == id]
        if not mine or not await self._house.users.remove_key(app, id):
            raise NotFound(f"there is no key {id[:64]!r}")

    async def _built(self, app: AppId, new: NewUser) -> User:
        house = self._house
        email = parse_address(new.email)
        if new.password and new.password_hash:
            raise Invalid("give a password or its hash, not both")
        hash = check_hash(new.password_hash) if new.password_hash else ""
        if new.password:
            house.passwords.check(new.password, email=email)
            hash = await house.passwords.hash(new.password)
        if new.id and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", new.id):
            raise Invalid("an id has 1 to 64 letters, digits, '_' and '-'")
        now = house.clock.now()
        return User(
            id=new.id or house.ids.fresh(),
            app=app,
            email=email,
            email_verified=new.email_verified,
            password=hash,
            roles=check_roles(new.roles),
            claims=check_profile(new.claims or {}, bytes_max=CLAIMS_BYTES_MAX),
            profile=check_profile(new.profile or {}),
            created_at=now,
            updated_at=now,
        )


def checked(change: Change) -> dict[str, Any]:
    """Read what is to be changed, but for the password.

    Raises:
        Invalid: it cannot be meant.
    """
    values: dict[str, Any] = {
        "email_verified": change.email_verified,
        "disabled": change.disabled,
        "email": None if change.email is None else parse_address(change.email),
        "roles": None if change.roles is None else check_roles(change.roles),
    }
    if change.claims is not None:
        values["claims"] = check_profile(change.claims, bytes_max=CLAIMS_BYTES_MAX)
    if change.profile is not None:
        values["profile"] = check_profile(change.profile)
    return {name: value for name, value in values.items() if value is not None}


def check_roles(roles: Sequence[str]) -> tuple[str, ...]:
    """Sort roles, each once.

    Raises:
        Invalid: one is no role.
    """
    for role in roles:
        if not _ROLE.fullmatch(role):
            raise Invalid(f"{role[:64]!r} is no role: use lower-case letters, digits, '_.:-'")
    if len(roles) > ROLES_MAX:
        raise Invalid(f"{ROLES_MAX} roles at most")
    return tuple(sorted(set(roles)))


def _aged(before: User, after: User) -> User:
    """Make earlier tokens worthless when what they say is not so any more."""
    told = ("email", "password", "roles", "claims", "disabled")
    if all(getattr(before, name) == getattr(after, name) for name in told):
        return after
    return replace(after, generation=before.generation + 1)
