"""The bodies of this service's API, as they travel."""

from typing import Any

import msgspec

Table = dict[str, Any]
BODY_BYTES_MAX = 64 << 10


class SignUp(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody wants an account."""

    email: str
    password: str
    profile: Table = {}


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody wants in."""

    email: str
    password: str


class Refresh(msgspec.Struct, forbid_unknown_fields=True):
    """A refresh token, to be exchanged."""

    refresh_token: str


class SignOut(msgspec.Struct, forbid_unknown_fields=True):
    """This session, or all of them."""

    everywhere: bool = False


class Address(msgspec.Struct, forbid_unknown_fields=True):
    """Whose mail it is about."""

    email: str


class CodeBody(msgspec.Struct, forbid_unknown_fields=True):
    """A code that came by mail."""

    code: str


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """A code that came by mail, and the password from now on."""

    code: str
    password: str


class PasswordChange(msgspec.Struct, forbid_unknown_fields=True):
    """The password until now and from now on."""

    old: str
    new: str


class EmailChange(msgspec.Struct, forbid_unknown_fields=True):
    """The new address; the password shows that it is really the owner."""

    email: str
    password: str


class ProfileChange(msgspec.Struct, forbid_unknown_fields=True):
    """What the user tells of themselves; whole."""

    profile: Table


class Leave(msgspec.Struct, forbid_unknown_fields=True):
    """The password shows that it is really the owner."""

    password: str = ""


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """A key to be made."""

    name: str
    roles: list[str] = []
    user: str = ""
    expires_in_s: float = 0.0  # 0: never


class NewUserBody(msgspec.Struct, forbid_unknown_fields=True):
    """A user to be made by the app."""

    email: str
    password: str = ""
    password_hash: str = ""
    email_verified: bool = True
    roles: list[str] = []
    claims: Table = {}
    profile: Table = {}
    id: str = ""


class Import(msgspec.Struct, forbid_unknown_fields=True):
    """Users to be made, many at a time."""

    users: list[NewUserBody]


class UserChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed about a user; what is left out stays."""

    email: str | None = None
    email_verified: bool | None = None
    password: str | None = None
    roles: list[str] | None = None
    claims: Table | None = None
    profile: Table | None = None
    disabled: bool | None = None


class UserShown(msgspec.Struct):
    """A user, without secrets."""

    id: str
    email: str
    email_verified: bool
    roles: list[str]
    claims: Table
    profile: Table
    disabled: bool
    created_at: float
    updated_at: float


class UserList(msgspec.Struct):
    """A page of users; ``next`` is the ``after`` of the next one."""

    users: list[UserShown]
    next: str | None = None


class TokensShown(msgspec.Struct):
    """What a client gets when somebody has signed in."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str
    user: UserShown


class Said(msgspec.Struct):
    """What happens next."""

    status: str
