"""What all of this service's parts share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from tapwater_server.model.accounts import AccountSettings
from tapwater_server.model.errors import Conflict, NotFound
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.letter import Letter
from tapwater_server.model.user import Purpose, User
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.mail import Post
from tapwater_server.ports.users import Ends, Users
from tapwater_server.services.auth.access import ACCESS_S, AccessTokens
from tapwater_server.services.auth.pacing import Paces, Pacing
from tapwater_server.services.auth.passwords import Passwords
from tapwater_server.services.auth.signing import SigningKeys
from tapwater_server.services.auth.writing import Sent, Writer

CHANGE_TRIES_MAX = 8  # Two may change a user at the same moment; not eight times.
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request came from: the address it used, the client's own, the call that asks."""

    url: str  # of the app's services: "https://shop.example/_/v1"
    known: bool = False  # it leads to the app, and not to whatever a client called it
    client: str = ""
    agent: str = ""
    caller: Invocation | None = None
    trace: str = ""  # W3C traceparent of the request

    @property
    def issuer(self) -> str:
        """Who signs: the address below which the published keys are."""
        return f"{self.url}/auth"

    @property
    def pages(self) -> str:
        """Where the links of letters lead. A stranger who asks in a user's name does not choose."""
        return self.issuer if self.known else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The collaborators. ``settled_s``: answers that must not tell apart take at least as long."""

    users: Users
    keys: SigningKeys
    access: AccessTokens
    passwords: Passwords
    pacing: Pacing
    post: Post
    settings: Callable[[AppId], AccountSettings]
    clock: Clock
    ids: IdSource
    paces: Paces = field(default_factory=Paces)
    settled_s: float = 0.3

    def code(self, user: User, purpose: Purpose, place: Place) -> Sent:
        """Make a code and its letter; they are kept with a change of the user."""
        writer = Writer(post=self.post, clock=self.clock, ids=self.ids)
        settings = self.settings(user.app)
        sent = writer.code(user, purpose, auth_url=place.pages, settings=settings)
        return replace(sent, letter=replace(sent.letter, trace=place.trace))

    def exists(self, user: User, place: Place) -> Letter:
        """Write that somebody tried to sign up with the address of a user."""
        writer = Writer(post=self.post, clock=self.clock, ids=self.ids)
        letter = writer.exists(user, auth_url=place.pages, settings=self.settings(user.app))
        return replace(letter, trace=place.trace)

    def may_write(self, user: User) -> bool:
        """Say whether the address may get a letter now. Nobody is told no: they have some."""
        return self.pacing.wait_s(self.paces.letters, user.app, "letter", user.email) == 0

    def refuse_until(self) -> float:
        """When the last access token issued so far expires."""
        return self.clock.now() + ACCESS_S

    async def require(self, app: AppId, id: str) -> User:
        """Find a user.

        Raises:
            NotFound: there is none of this id.
        """
        user = await self.users.find(app, id)
        if user is None:
            raise NotFound(f"there is no user {id[:64]!r}")
        return user

    async def change(
        self,
        app: AppId,
        id: str,
        how: Callable[[User], User],
        *,
        events: Callable[[User], list[Event]] = lambda _: [],
        ends: Callable[[User], Ends] = lambda _: Ends.NOTHING,
        sent: Callable[[User], Sent | None] = lambda _: None,
    ) -> User:
        """Read a user, change it, write it; begin again when somebody else was quicker.

        ``ends`` is asked about the user as they were; ``events`` and ``sent`` as they will be.

        Raises:
            NotFound: there is none of this id.
            Conflict: its new address is taken.
        """
        for _ in range(CHANGE_TRIES_MAX):
            user = await self.require(app, id)
            changed = how(user)
            if changed == user:
                return user
            changed = replace(changed, updated_at=self.clock.now())
            mail = sent(changed)
            try:
                return await self.users.put(
                    changed,
                    refuse_until=self.refuse_until(),
                    ends=ends(user),
                    events=events(changed),
                    code=None if mail is None else mail.code,
                    letter=None if mail is None else mail.letter,
                )
            except Conflict:
                again = await self.users.find(app, id)
                if again is None or again.version == user.version:
                    raise  # It was not the version.
        raise Conflict("the user is being changed by too many at once")

    async def level(self, work: Awaitable[T]) -> T:
        """Take as long whatever happens: the time must not say whether there is such a user."""
        began = self.clock.monotonic()
        try:
            return await work
        finally:
            left = self.settled_s - (self.clock.monotonic() - began)
            if left > 0:
                await self.clock.sleep(left)

    def event(self, what: str, user: User, place: Place | None) -> Event:
        """Tell what happened to a user."""
        caller = place.caller if place is not None else None
        return Event(
            id=self.ids.fresh(),
            app=user.app,
            type=f"tapwater.user.{what}",
            source="/users",
            subject=user.id,
            key=user.id,
            at=self.clock.now(),
            data=msgspec.json.encode(user.public()),
            root="" if caller is None else caller.root or caller.id,
            depth=0 if caller is None else caller.depth + 1,
            trace="" if place is None else place.trace,
        )
