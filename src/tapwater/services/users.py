"""The users of an app: ``users.get("ada@example.com")``, ``users.change(id, roles=["admin"])``.

The upper half is what the app itself does; the lower half is what users do with their own
accounts, from a client of theirs: ``Client(url).users.sign_in(email, password)``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Transport

_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user, without secrets."""

    id: str
    email: str = ""
    email_verified: bool = False
    roles: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    disabled: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The tokens of somebody who signed in. ``refresh_token`` is good once."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    user: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key for programs. ``key`` is its text, given once, when it is made."""

    id: str
    name: str
    user: str = ""
    roles: tuple[str, ...] = ()
    created_at: float = 0.0
    expires_at: float | None = None
    used_at: float | None = None  # the hour in which it was last used
    key: str = field(default="", repr=False)


class Users:
    """The users of an app."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    # What the app does.

    def list(
        self,
        *,
        role: str = "",
        email: str = "",
        disabled: bool | None = None,
        after: str = "",
        limit: int = 100,
    ) -> Sequence[Account]:
        """List users in the order they came; ``email`` is a part of the address."""
        query = {
            "role": role or None,
            "email": email or None,
            "disabled": None if disabled is None else str(disabled).lower(),
            "after": after or None,
            "limit": limit,
        }
        said = ask_json(self._transport, "GET", "/users", query=query)
        return [_account(one) for one in said["users"]]

    def all(self) -> Iterable[Account]:
        """Go through all users, page by page."""
        after = ""
        while page := self.list(after=after, limit=_PAGE):
            yield from page
            after = page[-1].id

    def get(self, id: str) -> Account:
        """Find a user by id or address."""
        return _account(ask_json(self._transport, "GET", path_to("users", id)))

    def create(
        self,
        email: str,
        *,
        password: str = "",
        password_hash: str = "",
        email_verified: bool = True,
        roles: Iterable[str] = (),
        claims: Mapping[str, Any] | None = None,
        profile: Mapping[str, Any] | None = None,
        id: str = "",
    ) -> Account:
        """Make a user; ``password_hash`` is an argon2 hash from where they were before."""
        asked = {
            "email": email,
            "password": password,
            "password_hash": password_hash,
            "email_verified": email_verified,
            "roles": [*roles],
            "claims": dict(claims or {}),
            "profile": dict(profile or {}),
            "id": id,
        }
        return _account(ask_json(self._transport, "POST", "/users", asked))

    def bring_in(self, users: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Make up to 1000; each is created, there already, or refused by itself."""
        said = ask_json(self._transport, "POST", "/users/import", {"users": [*users]})
        results: Sequence[Mapping[str, Any]] = said["users"]
        return results

    def change(self, id: str, **what: Any) -> Account:
        """Change ``email``, ``email_verified``, ``password``, ``roles``, ``claims``, ``profile`` or
        ``disabled``; tokens that say otherwise are refused from now on.
        """
        asked = {name: list(value) if name == "roles" else value for name, value in what.items()}
        return _account(ask_json(self._transport, "PATCH", path_to("users", id), asked))

    def disable(self, id: str) -> Account:
        """Let a user in no more, from now on."""
        return self.change(id, disabled=True)

    def remove(self, id: str) -> None:
        """Remove a user with everything that is theirs."""
        ask_json(self._transport, "DELETE", path_to("users", id))

    def end_sessions(self, id: str) -> None:
        """Sign a user out everywhere."""
        ask_json(self._transport, "POST", path_to("users", id, "sign-out"))

    def list_keys(self, *, user: str = "") -> Sequence[Key]:
        """List the keys for programs, of the app and its users."""
        said = ask_json(self._transport, "GET", "/auth/keys", query={"user": user or None})
        return [_key(one) for one in said["keys"]]

    def add_key(
        self, name: str, *, roles: Iterable[str] = (), user: str = "", expires_in: float = 0.0
    ) -> Key:
        """Make a key, of the app with roles or of a user; its text is given this once."""
        asked = {"name": name, "roles": [*roles], "user": user, "expires_in_s": expires_in}
        return _key(ask_json(self._transport, "POST", "/auth/keys", asked))

    def remove_key(self, id: str) -> None:
        """Revoke a key."""
        ask_json(self._transport, "DELETE", path_to("auth", "keys", id))

    # What users do.

    def sign_up(
        self, email: str, password: str, *, profile: Mapping[str, Any] | None = None
    ) -> SignedIn | None:
        """Make an account. None: a mail with a code is on its way."""
        asked = {"email": email, "password": password, "profile": dict(profile or {})}
        return _signed_in(ask_json(self._transport, "POST", "/auth/sign-up", asked))

    def confirm(self, code: str) -> None:
        """Confirm an address by the code that was sent there."""
        ask_json(self._transport, "POST", "/auth/confirm", {"code": code})

    def send_confirmation(self, email: str) -> None:
        """Send that code again."""
        ask_json(self._transport, "POST", "/auth/confirm/again", {"email": email})

    def sign_in(self, email: str, password: str) -> SignedIn:
        """Exchange address and password for tokens."""
        asked = {"email": email, "password": password}
        return _certainly(_signed_in(ask_json(self._transport, "POST", "/auth/sign-in", asked)))

    def refresh(self, refresh_token: str) -> SignedIn:
        """Exchange a refresh token for new tokens."""
        asked = {"refresh_token": refresh_token}
        return _certainly(_signed_in(ask_json(self._transport, "POST", "/auth/refresh", asked)))

    def sign_out(self, *, everywhere: bool = False) -> None:
        """End the session of the token that is used, or all of its user's."""
        ask_json(self._transport, "POST", "/auth/sign-out", {"everywhere": everywhere})

    def ask_reset(self, email: str) -> None:
        """Send a code for a new password."""
        ask_json(self._transport, "POST", "/auth/reset", {"email": email})

    def reset(self, code: str, password: str) -> None:
        """Set a new password by that code."""
        asked = {"code": code, "password": password}
        ask_json(self._transport, "POST", "/auth/reset/confirm", asked)

    def me(self) -> Account:
        """Whose token is used."""
        return _account(ask_json(self._transport, "GET", "/auth/me"))


def _account(said: Mapping[str, Any]) -> Account:
    return Account(**{**said, "roles": tuple(said["roles"])})


def _key(said: Mapping[str, Any]) -> Key:
    return Key(**{**said, "roles": tuple(said["roles"]), "user": said["user"] or ""})


def _signed_in(said: Mapping[str, Any]) -> SignedIn | None:
    if "access_token" not in said:
        return None
    return SignedIn(
        access_token=said["access_token"],
        refresh_token=said["refresh_token"],
        expires_in=said["expires_in"],
        user=_account(said["user"]),
    )


def _certainly(signed_in: SignedIn | None) -> SignedIn:
    assert signed_in is not None, "a sign-in gives tokens or is refused"
    return signed_in
