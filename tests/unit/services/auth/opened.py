"""The users' service on memory, with its API as one table: what a request gets, without sockets."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from argon2 import PasswordHasher

from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.secrets import MemorySecrets
from tapwater_server.backends.memory.users import MemoryUsers
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.accounts import AccountSettings
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.services.auth.access import AccessTokens
from tapwater_server.services.auth.accounts import Accounts
from tapwater_server.services.auth.desk import Desk
from tapwater_server.services.auth.desk_http import DeskHttp
from tapwater_server.services.auth.entrance import Entrance
from tapwater_server.services.auth.house import House
from tapwater_server.services.auth.http import AuthHttp
from tapwater_server.services.auth.identities import AppIdentities
from tapwater_server.services.auth.pacing import Pacing
from tapwater_server.services.auth.passwords import Passwords
from tapwater_server.services.auth.signing import SigningKeys
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.asked import Asked
from tapwater_server.web.dispatch import Said, Table

SHOP = AppId("shop")
APP = Principal(name="deploy", apps=frozenset({SHOP}))
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"


@dataclass(slots=True)
class MailBag:
    """Keeps what was to be sent."""

    drafts: list[Draft] = field(default_factory=list)

    async def send(self, app: AppId, draft: Draft) -> str:
        self.drafts.append(draft)
        return str(len(self.drafts))

    def code(self) -> str:
        """The code of the last mail."""
        [line] = [line for line in self.drafts[-1].text.splitlines() if "?code=" in line]
        return line.partition("?code=")[2].strip()


class Opened:
    """The service, and a client for it."""

    def __init__(self, settings: AccountSettings | None = None) -> None:
        self.settings = settings or AccountSettings()
        self.clock, ids = ManualClock(), SystemIds()
        self.log = MemoryEventLog(clock=self.clock)
        self.users = MemoryUsers(log=self.log)
        self.bag = MailBag()
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
                base_url="https://shop.example",
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
