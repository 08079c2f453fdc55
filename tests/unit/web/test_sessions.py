"""Who is behind a session, and when one ends."""

from dataclasses import replace
from typing import Any

from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.outbox import MemoryOutbox
from tapwater_server.backends.memory.sessions import MemorySessions
from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.memory.users import MemoryUsers
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY
from tapwater_server.model.user import User
from tapwater_server.ports.tokens import hash_of
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.scope import DOOR
from tapwater_server.web.sessions import IDLE_S_MAX, OPEN_S_MAX, ROLE, Browsers, keeper

SHOP = AppId("shop")
SCOPE: dict[str, Any] = {"type": "http", "scheme": "http", DOOR: {"app": ""}}
ADA = User(id="u1", app=SHOP, email="ada@shop.example", roles=(ROLE,))


class Rig:
    """Browsers on stores in memory."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.tokens = MemoryTokens(ids=SystemIds())
        log, outbox = MemoryEventLog(clock=self.clock), MemoryOutbox()
        self.users = MemoryUsers(log=log, outbox=outbox)
        self.browsers = Browsers(
            sessions=MemorySessions(),
            tokens=self.tokens,
            users=self.users,
            clock=self.clock,
            ids=SystemIds(),
            shared=False,
        )


def asking(secret: str) -> dict[str, str]:
    return {"x-tapwater": "dashboard", "host": "a:1", "cookie": f"tapwater-1={secret}"}


async def test_a_session_is_its_tokens_holder_and_dies_with_it() -> None:
    rig = Rig()
    token = hash_of(await rig.tokens.issue("ci", admin=False, apps=[SHOP]))
    headers = asking(await rig.browsers.open_with_token(token))
    assert (await rig.browsers.who(SCOPE, headers)).apps == {SHOP}
    key = rig.browsers.key(SCOPE, headers)
    assert await rig.browsers.holds(key)
    await rig.tokens.revoke("ci")
    assert not await rig.browsers.holds(key)
    assert await rig.browsers.who(SCOPE, headers) is NOBODY
    await rig.tokens.issue("ci", admin=True, apps=[])  # The same name is another token.
    assert await rig.browsers.who(SCOPE, headers) is NOBODY


async def test_a_user_with_the_role_keeps_their_app_and_nothing_else() -> None:
    rig = Rig()
    await rig.users.create(ADA)
    headers = asking(await rig.browsers.open_for_user(ADA))
    who = await rig.browsers.who(SCOPE, headers)
    assert (who.name, who.apps, who.admin) == ("ada@shop.example", frozenset({SHOP}), False)
    assert who.may_deploy(SHOP)
    assert not who.may_deploy(AppId("blog"))
    await rig.users.put(replace(ADA, roles=()))
    assert await rig.browsers.who(SCOPE, headers) is NOBODY


async def test_a_session_ends_with_the_password_it_was_opened_with() -> None:
    rig = Rig()
    await rig.users.create(ADA)
    headers = asking(await rig.browsers.open_for_user(ADA))
    key = rig.browsers.key(SCOPE, headers)
    assert await rig.browsers.holds(key)
    await rig.users.put(replace(ADA, password="another", generation=ADA.generation + 1))
    assert not await rig.browsers.holds(key)
    assert await rig.browsers.who(SCOPE, headers) is NOBODY


async def test_who_signs_out_everywhere_is_nobody_on_any_browser() -> None:
    rig = Rig()
    mine, other = [
        hash_of(await rig.tokens.issue(name, admin=True, apps=[])) for name in ("mine", "other")
    ]
    here, there = [asking(await rig.browsers.open_with_token(mine)) for _ in range(2)]
    stranger = asking(await rig.browsers.open_with_token(other))
    assert await rig.browsers.end_everywhere(SCOPE, here) == 2
    assert await rig.browsers.who(SCOPE, there) is NOBODY
    assert (await rig.browsers.who(SCOPE, stranger)).admin
    assert await rig.browsers.end_everywhere(SCOPE, {}) == 0


async def test_who_is_disabled_or_gone_keeps_nothing() -> None:
    assert keeper(replace(ADA, disabled=True)) is None
    assert keeper(replace(ADA, roles=("staff",))) is None
    rig = Rig()
    headers = asking(await rig.browsers.open_for_user(ADA))  # There is no such user.
    assert await rig.browsers.who(SCOPE, headers) is NOBODY


async def test_it_ends_when_nobody_uses_it_and_in_any_case_some_day() -> None:
    rig = Rig()
    token = hash_of(await rig.tokens.issue("root", admin=True, apps=[]))
    headers = asking(await rig.browsers.open_with_token(token))
    for _ in range(int(OPEN_S_MAX // (IDLE_S_MAX - 1))):
        await rig.clock.advance(IDLE_S_MAX - 1)
        assert (await rig.browsers.who(SCOPE, headers)).admin
    await rig.clock.advance(IDLE_S_MAX - 1)
    assert await rig.browsers.who(SCOPE, headers) is NOBODY
    idle = asking(await rig.browsers.open_with_token(token))
    await rig.clock.advance(IDLE_S_MAX + 1)
    assert await rig.browsers.who(SCOPE, idle) is NOBODY


async def test_one_of_a_clock_that_was_ahead_ends_with_it() -> None:
    """Else it would be open until that day comes."""
    rig = Rig()
    token = hash_of(await rig.tokens.issue("root", admin=True, apps=[]))
    before = asking(await rig.browsers.open_with_token(token))
    rig.clock.jump(3600.0)
    ahead = asking(await rig.browsers.open_with_token(token))
    assert (await rig.browsers.who(SCOPE, before)).admin
    rig.clock.jump(365 * 86_400.0)
    far = asking(await rig.browsers.open_with_token(token))
    assert (await rig.browsers.who(SCOPE, far)).admin
    rig.clock.jump(-365 * 86_400.0 - 3600.0)
    assert await rig.browsers.who(SCOPE, far) is NOBODY
    assert (await rig.browsers.who(SCOPE, ahead)).admin, "an hour is nothing"
    await rig.clock.advance(IDLE_S_MAX + 2 * 3600.0)
    assert await rig.browsers.who(SCOPE, before) is NOBODY


async def test_who_signs_out_is_nobody() -> None:
    rig = Rig()
    token = hash_of(await rig.tokens.issue("root", admin=True, apps=[]))
    headers = asking(await rig.browsers.open_with_token(token))
    assert await rig.browsers.end(SCOPE, headers)
    assert not await rig.browsers.end(SCOPE, headers)
    assert await rig.browsers.who(SCOPE, headers) is NOBODY
    assert not await rig.browsers.holds(b"")
