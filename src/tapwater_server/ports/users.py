"""The users of apps and what belongs to them: sessions, codes, keys. Hashes only, no secret texts.

USR-1  An address, and a link to another issuer, is of one user of an app at most, also when two
       take it at the same moment: the second is a Conflict.
USR-2  A change, its events, its code and the letter that brings it are there together or not at
       all, durable before the method returns.
USR-3  put() of a version that is not the newest changes nothing: Conflict.
USR-4  A code is taken once, by one, before it expires; a new code takes the place of the same
       user's older ones for that purpose.
USR-5  A refresh token is turned in once. One that comes again ends its session; but for
       ``grace_s`` after, and while its successor has not been used, it is answered the same.
USR-6  remove() takes a user's sessions, codes and keys along.
USR-7  What was revoked is known at once and from memory, also after a new start: refuses(), key().
USR-8  erase() forgets everything of one app and nothing of another.
USR-9  A session opens only for the user as they were when they showed who they are: a generation
       later it is a Conflict. put() that ends sessions ends all that were opened before it.
USR-10 mark_used() is told at once; it is on disk after the next sweep(), not before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Letter
from tapwater_server.model.user import ApiKey, Code, Link, Purpose, Session, User

GONE = 1 << 62  # The generation of a user who was removed: no token is as young.


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What came of a refresh token: its session, or that it had been turned in before.

    ``salt``: what the successor was made with; not the one that was offered, when another came
    first.
    """

    session: Session | None
    reused: bool = False
    salt: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is to come after a refresh token: the hash of the next one, and what it is made of."""

    hash: bytes
    salt: bytes


class Ends(IntEnum):
    """What ends together with a change of a user."""

    NOTHING = 0
    SESSIONS = 1  # and the codes that are on their way
    ALL = 2  # keys, too: whoever made them may have been somebody else


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which users are meant. What is empty does not limit."""

    role: str = ""
    email_contains: str = ""
    disabled: bool | None = None


class Users(Protocol):
    """See the promises above. ``refuse_until``: when the last access token issued expires."""

    async def create(
        self,
        user: User,
        *,
        events: Sequence[Event] = (),
        code: Code | None = None,
        letter: Letter | None = None,
    ) -> None: ...

    async def put(
        self,
        user: User,
        *,
        refuse_until: float = 0.0,
        ends: Ends = Ends.NOTHING,
        events: Sequence[Event] = (),
        code: Code | None = None,
        letter: Letter | None = None,
    ) -> User:
        """Write a changed user over the version it was made from; give it with its new version.

        With a higher generation than before, access tokens of lower ones are refused.
        """
        ...

    async def remove(
        self, app: AppId, id: str, *, refuse_until: float, events: Sequence[Event] = ()
    ) -> bool: ...

    async def find(self, app: AppId, id: str) -> User | None: ...

    async def find_by_email(self, app: AppId, email: str) -> User | None: ...

    async def find_linked(self, app: AppId, link: Link) -> User | None: ...

    async def list(
        self, app: AppId, wanted: Wanted, *, after: str = "", count_max: int = 100
    ) -> "Sequence[User]":
        """List in the order of ids, which is that of signing up."""
        ...

    async def add_code(self, code: Code, *, letter: Letter | None = None) -> None: ...

    async def take_code(
        self, app: AppId, hash: bytes, *, purpose: Purpose, now: float
    ) -> Code | None: ...

    async def open_session(self, session: Session, *, generation: int, count_max: int) -> None:
        """Add a session; beyond ``count_max`` the user's oldest ones end."""
        ...

    async def turn_in(
        self,
        app: AppId,
        hash: bytes,
        *,
        offer: Offer,
        now: float,
        grace_s: float,
        refuse_until: float,
    ) -> Turned:
        """Exchange a refresh token for the next one of its session."""
        ...

    async def sessions(self, app: AppId, user: str) -> "Sequence[Session]": ...

    async def end_sessions(
        self, app: AppId, user: str, *, only: str = "", refuse_until: float
    ) -> int:
        """End one session of a user, or all; say how many."""
        ...

    async def add_key(self, key: ApiKey, *, count_max: int) -> None: ...

    async def remove_key(self, app: AppId, id: str) -> bool: ...

    def keys(self, app: AppId) -> "Sequence[ApiKey]": ...

    def key(self, app: AppId, hash: bytes) -> tuple[ApiKey, User | None] | None:
        """Find a key and whose it is, from memory."""
        ...

    def mark_used(self, key: ApiKey, *, at: float) -> None:
        """Remember when a key was used, without waiting."""
        ...

    def refuses(self, app: AppId, *, user: str, generation: int, session: str) -> bool:
        """Say whether an access token with these marks was revoked, from memory."""
        ...

    async def sweep(self, *, now: float) -> int:
        """Clear away what has expired."""
        ...

    async def erase(self, app: AppId) -> None: ...
