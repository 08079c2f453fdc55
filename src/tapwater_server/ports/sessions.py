"""Who is signed in with a browser: sessions of the dashboard. Hashes only, no secret texts.

SES-1  Of a session's secret there is only the hash at rest.
SES-2  find() answers from memory: it neither waits nor reads from disk.
SES-3  What open() acknowledged is there after a new start; what end() ended is refused at once.
SES-4  There are ``SESSIONS_MAX`` at most: beyond, the longest unused one ends.
SES-5  use() is told at once; it is on disk after the next sweep(), which removes what is too old.
SES-6  When an app is removed, the sessions of its users end.
SES-7  end_alike() ends all sessions of whoever has the one that is named: with its token, or of its
       user.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from tapwater_server.model.ids import AppId

SESSIONS_MAX = 1_000
USED_S = 60.0  # So exactly is it known when a session was last used.


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSession:
    """One browser that is signed in: with a token of the platform, or as a user of an app."""

    hash: bytes  # of the secret in its cookie
    token: bytes = b""  # the hash of the token it was opened with; empty: it is a user's
    app: AppId = AppId("")
    user: str = ""
    generation: int = 0  # of the user then, see model/user.py
    opened_at: float
    used_at: float


class Sessions(Protocol):
    """Keeps sessions."""

    async def open(self, session: HeldSession) -> None: ...

    def find(self, hash: bytes) -> HeldSession | None: ...

    def use(self, hash: bytes, *, at: float) -> None: ...

    async def end(self, hash: bytes) -> bool: ...

    async def end_alike(self, hash: bytes) -> int:
        """End this session and all others of who has it; say how many."""
        ...

    async def sweep(self, *, unused_since: float, opened_before: float) -> int:
        """End those that were last used, or were opened, before these times; say how many."""
        ...


def used(held: Mapping[bytes, HeldSession], hash: bytes, *, at: float) -> HeldSession | None:
    """Give the session with its new time, if that is worth writing down."""
    session = held.get(hash)
    if session is None or 0 <= at - session.used_at < USED_S:
        return None
    return replace(session, used_at=at)


def superfluous(held: Mapping[bytes, HeldSession]) -> Iterable[bytes]:
    """Name those that are too many: the longest unused ones."""
    too_many = len(held) - SESSIONS_MAX
    if too_many <= 0:
        return ()
    return sorted(held, key=lambda hash: held[hash].used_at)[:too_many]


def alike(held: Mapping[bytes, HeldSession], hash: bytes) -> Iterable[bytes]:
    """Name the sessions of who has this one."""
    mine = held.get(hash)
    if mine is None:
        return ()
    whose = (mine.token, mine.app, mine.user)
    return [one.hash for one in held.values() if (one.token, one.app, one.user) == whose]


def too_old(
    held: Mapping[bytes, HeldSession], *, unused_since: float, opened_before: float
) -> Iterable[bytes]:
    """Name those whose time is over."""
    return [
        one.hash
        for one in held.values()
        if one.used_at < unused_since or one.opened_at < opened_before
    ]
