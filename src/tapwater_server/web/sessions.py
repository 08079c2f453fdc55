"""Browsers that are signed in to the dashboard: from a session's secret to a principal."""

from collections.abc import Mapping

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.model.user import User
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.sessions import HeldSession, Sessions
from tapwater_server.ports.tokens import Tokens, hash_of
from tapwater_server.ports.users import Users
from tapwater_server.web.browsing import secret_of
from tapwater_server.web.scope import Scope

ROLE = "tapwater-admin"  # Who has it in an app may do there what a holder of its token may.
IDLE_S_MAX = 12 * 3600.0  # A session ends when it was not used for so long,
OPEN_S_MAX = 7 * 86_400.0  # and in any case after this.
AHEAD_S_MAX = 3600.0  # One that was opened later than now, by a clock that was wrong, has no end.


class Browsers:
    """Opens and ends sessions, and knows who is behind one. ``shared``: see ``browsing.py``."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        tokens: Tokens,
        users: Users,
        clock: Clock,
        ids: IdSource,
        shared: bool,
    ) -> None:
        self._sessions, self._tokens, self._users = sessions, tokens, users
        self._clock, self._ids = clock, ids
        self.shared = shared

    async def open_with_token(self, token: bytes) -> str:
        """Begin a session of who holds the token with this hash; give its secret."""
        return await self._open(token=token)

    async def open_for_user(self, user: User) -> str:
        """Begin a session of a user who has shown who they are; give its secret."""
        return await self._open(app=user.app, user=user.id, generation=user.generation)

    async def end(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        """End the session of who asks."""
        secret = secret_of(scope, headers, shared=self.shared)
        return secret is not None and await self._sessions.end(hash_of(secret))

    async def end_everywhere(self, scope: Scope, headers: Mapping[str, str]) -> int:
        """End all sessions of who asks, on every browser; say how many there were."""
        secret = secret_of(scope, headers, shared=self.shared)
        return 0 if secret is None else await self._sessions.end_alike(hash_of(secret))

    async def who(self, scope: Scope, headers: Mapping[str, str]) -> Principal:
        """Find out who asks; without a session that counts it is nobody."""
        secret = secret_of(scope, headers, shared=self.shared)
        session = None if secret is None else self._current(hash_of(secret))
        if session is None:
            return NOBODY
        principal = await self._principal(session)
        if principal is None:
            await self._sessions.end(session.hash)
            return NOBODY
        self._sessions.use(session.hash, at=self._clock.now())
        return principal

    def key(self, scope: Scope, headers: Mapping[str, str]) -> bytes:
        """Name the session of who asks, for ``holds``; empty: there is none."""
        secret = secret_of(scope, headers, shared=self.shared)
        return b"" if secret is None else hash_of(secret)

    async def holds(self, key: bytes) -> bool:
        """Say whether a session still counts; to look is not to use it."""
        session = self._current(key)
        return session is not None and await self._principal(session) is not None

    async def sweep(self) -> None:
        """Clear away what has ended."""
        now = self._clock.now()
        await self._sessions.sweep(unused_since=now - IDLE_S_MAX, opened_before=now - OPEN_S_MAX)

    async def _open(
        self, *, token: bytes = b"", app: AppId = AppId(""), user: str = "", generation: int = 0
    ) -> str:
        secret, now = self._ids.secret(), self._clock.now()
        held = HeldSession(
            hash=hash_of(secret),
            token=token,
            app=app,
            user=user,
            generation=generation,
            opened_at=now,
            used_at=now,
        )
        await self._sessions.open(held)
        return secret

    def _current(self, hash: bytes) -> HeldSession | None:
        session, now = self._sessions.find(hash), self._clock.now()
        if session is None:
            return None
        open_s = now - session.opened_at
        over = now - session.used_at > IDLE_S_MAX or not -AHEAD_S_MAX <= open_s <= OPEN_S_MAX
        return None if over else session

    async def _principal(self, session: HeldSession) -> Principal | None:
        if session.token:
            return self._tokens.holder(session.token)
        user = await self._users.find(session.app, session.user)
        if user is None or user.generation != session.generation:
            return None  # A new password, or signed out everywhere: who was in then is out.
        return keeper(user)


def keeper(user: User) -> Principal | None:
    """The principal that a user with the role acts as: one who holds a token for the app."""
    if user.disabled or ROLE not in user.roles:
        return None
    return Principal(name=user.email or user.id, apps=frozenset({user.app}))
