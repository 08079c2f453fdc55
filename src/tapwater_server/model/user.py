"""A user of an app, and what belongs to one: sessions, codes sent by mail, keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Who the user is at another issuer (OpenID Connect: ``iss`` and ``sub``)."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user. ``version`` grows with each change; ``generation`` with each that makes earlier
    access tokens worthless.
    """

    id: str
    app: AppId
    email: str  # in its one form, see model/address.py; "" when the issuer told none
    email_verified: bool = False
    password: str = ""  # an argon2 hash; "": signs in in another way
    roles: tuple[str, ...] = ()  # sorted
    claims: Mapping[str, Any] = field(default_factory=dict)  # set by the app; goes into tokens
    profile: Mapping[str, Any] = field(default_factory=dict)  # set by the user
    links: tuple[Link, ...] = ()
    disabled: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0
    version: int = 1
    generation: int = 1

    def principal(self) -> Principal:
        """This user, asking."""
        return Principal(
            name=self.email or self.id,
            user=self.id,
            user_app=self.app,
            email=self.email,
            email_verified=self.email_verified,
            roles=frozenset(self.roles),
            claims=self.claims,
        )

    def public(self) -> dict[str, Any]:
        """What may be told: everything but secrets."""
        return {
            "id": self.id,
            "email": self.email,
            "email_verified": self.email_verified,
            "roles": list(self.roles),
            "claims": dict(self.claims),
            "profile": dict(self.profile),
            "disabled": self.disabled,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


class Purpose(StrEnum):
    """What a code that was sent by mail is good for."""

    CONFIRM = "confirm"
    RESET = "reset"
    CHANGE_EMAIL = "change_email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code; of its text there is only the hash. ``email`` is the address it was sent to."""

    app: AppId
    hash: bytes
    user: str
    purpose: Purpose
    email: str
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in: a chain of refresh tokens, of which only the last one is good."""

    id: str
    app: AppId
    user: str
    hash: bytes  # of the refresh token that is good now
    opened_at: float
    used_at: float
    expires_at: float
    agent: str = ""  # what the client said it is


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key for programs: of a user (and then that user's rights) or of the app with its roles."""

    id: str
    app: AppId
    hash: bytes
    name: str
    user: str = ""
    roles: tuple[str, ...] = ()
    created_at: float = 0.0
    expires_at: float = 0.0  # 0.0: never
    used_at: float = 0.0  # the hour in which it was last used; 0.0: never

    def public(self) -> dict[str, Any]:
        """What may be told: not the hash."""
        return {
            "id": self.id,
            "name": self.name,
            "user": self.user or None,
            "roles": list(self.roles),
            "created_at": self.created_at,
            "expires_at": self.expires_at or None,
            "used_at": self.used_at or None,
        }
