"""The users' service on memory, with its API as one table: what a request gets, without sockets."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher

from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.outbox import MemoryOutbox
from tapwater_server.backends.memory.secrets import MemorySecrets
from tapwater_server.backends.memory.users import MemoryUsers
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.accounts import AccountSettings
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft, Letter
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.services.auth.access import AccessTokens
from tapwater_server.services.auth.accounts import Accounts
from tapwater_server.services.auth.desk import Desk
from tapwater_server.services.auth.desk_http import DeskHttp
from tapwater_server.services.auth.entrance import Entrance
from tapwater_server.services.auth.house import House, Place
from tapwater_server.services.auth.http import AuthHttp
from tapwater_server.services.auth.identities import AppIdentities
from tapwater_server.services.auth.pacing import Pacing
from tapwater_server.services.auth.passwords import Passwords
from tapwater_server.services.auth.signing import SigningKeys
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.asked import Asked
from tapwater_server.web.dispatch import Said, Table

SHOP = AppId("shop")
URL = "https://shop.example"
APP = Principal(name="deploy", apps=frozenset({SHOP}))
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"


@dataclass(slots=True)
class MailBag:
    """Writes letters so that tests can read them; keeps nothing but in the outbox."""

    outbox: MemoryOutbox
    _count: int = 0

    async def send(self, app: AppId, draft: Draft) -> str:
        raise AssertionError("letters of users are kept with their change")

    def write(self, app: AppId, draft: Draft) -> Letter:
        self._count += 1
        return Letter(
            id=f"{self._count:03d}",
            app=app,
            sender="shop@example.com",
            recipients=draft.to,
            to=", ".join(draft.to),
            subject=draft.subject,
            accepted_at=0.0,
            raw=draft.text.encode(),
        )

    async def keep(self, letter: Letter) -> None:
        await self.outbox.accept(letter)

    async def letters(self) -> list[Letter]:
        """What is in the outbox, the oldest first."""
        listed = await self.outbox.list(SHOP)
        found = [await self.outbox.find(SHOP, one.id) for one in reversed(listed)]
        return [one for one in found if one is not None]

    async def text(self) -> str:
        """What the last letter says."""
        return (await self.letters())[-1].raw.decode()

    async def code(self) -> str:
        """The code of the last letter."""
        [line] = [line for line in (await self.text()).splitlines() if "?code=" in line]
        return line.partition("?code=")[2].strip()


class Opened:
    """The service, and a client for it."""

    def __init__(self, settings: AccountSettings | None = None) -> None:
        self.settings = settings or AccountSettings()
        self.clock, ids = ManualClock(), SystemIds()
        self.log = MemoryEventLog(clock=self.clock)
        self.outbox = MemoryOutbox()
        self.users = MemoryUsers(log=self.log, outbox=self.outbox)
        self.bag = MailBag(outbox=self.outbox)
        self.secrets = MemorySecrets()
        self.keys = SigningKeys(secrets=self.secrets, clock=self.clock, ids=ids)
        access = AccessTokens(keys=self.keys, clock=self.clock)
        self.identities = AppIdentities(
            users=self.users, access=access, keys=self.keys, clock=self.clock
        )
        self.passwords = Passwords(hasher=CHEAP)
        self.house = House(
            users=self.users,
            keys=self.keys,
            access=access,
            passwords=self.passwords,
            pacing=Pacing(clock=self.clock),
            post=self.bag,
            settings=lambda _: self.settings,
            clock=self.clock,
            ids=ids,
            settled_s=0.0,
        )
        entrance, desk = Entrance(self.house), Desk(self.house)
        self.entrance, self.place = entrance, Place(url=f"{URL}/_/v1", known=True)
        accounts = Accounts(self.house, entrance=entrance)
        public = AuthHttp(self.house, accounts=accounts, entrance=entrance, desk=desk)
        self.table = Table((*public.endpoints(), *DeskHttp(self.house, desk=desk).endpoints()))

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        who: Principal | None = None,
        client: str = "192.0.2.1",
        base_url: str = URL,
        form: str = "",
        query: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Ask as the holder of a token, or as ``who``; give status and JSON (or text)."""
        raw = form.encode() if form else b"" if body is None else json.dumps(body).encode()

        async def chunks() -> AsyncIterator[bytes]:
            yield raw

        headers = {"authorization": f"Bearer {token}"} if token else {}
        if form:
            headers["content-type"] = "application/x-www-form-urlencoded"
        known = self.identities.check(SHOP, token) if token else who or NOBODY
        if known is None:
            return 401, {"code": "unauthenticated"}
        said = await self.table.answer(
            Asked(
                app=SHOP,
                who=known,
                method=method,
                path=path,
                query=query or {},
                headers=headers,
                chunks=chunks,
                client=client,
                base_url=base_url,
                base_known=base_url == URL,
            )
        )
        return said.status, _content(said)

    async def signed_in(self, email: str = "ada@example.com") -> dict[str, Any]:
        """Make a user and sign them in."""
        body = {"email": email, "password": PASSWORD}
        status, tokens = await self.ask("POST", "/auth/sign-up", body)
        assert status == 201, tokens
        found: dict[str, Any] = tokens
        return found

    async def events(self) -> list[tuple[str, str]]:
        """What was told: type and subject."""
        logged = await self.log.read(after=0, count_max=100)
        return [
            (one.event.type.removeprefix("tapwater.user."), one.event.subject) for one in logged
        ]


def _content(said: Said) -> Any:
    assert isinstance(said.body, bytes)
    if "json" in said.headers.get("content-type", ""):
        return json.loads(said.body)
    return said.body.decode()
