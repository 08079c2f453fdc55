"""What every keeper of users must do with sessions, and with what ends them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.model.errors import Conflict, NotFound
from tapwater_server.model.user import ApiKey, Purpose
from tapwater_server.ports.users import Ends, Users
from tests.conformance.opened_users import (
    BACKENDS,
    NOW,
    SHOP,
    Kept,
    ada,
    code,
    offers,
    session,
    sqlite,
    turn,
)


@pytest.fixture(params=sorted(BACKENDS))
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def users(kept: Kept) -> Users:
    return kept.users


async def test_usr_5_a_refresh_token_is_turned_in_once(users: Users) -> None:
    await users.create(ada())
    await users.open_session(session(), generation=1, count_max=5)
    assert await turn(users, b"one", b"two") == (True, False)
    assert await turn(users, b"two", b"three") == (True, False)
    assert await turn(users, b"never", b"x") == (False, False)
    # Somebody has stolen the first one.
    assert await turn(users, b"one", b"stolen") == (False, True)
    assert await turn(users, b"three", b"four") == (False, False)
    assert users.refuses(SHOP, user="u1", generation=1, session="s1")
    assert await users.sessions(SHOP, "u1") == []


async def test_usr_5_two_at_the_same_moment_get_the_same(users: Users) -> None:
    await users.create(ada())
    await users.open_session(session(), generation=1, count_max=5)
    said = await offers(users, b"a", b"b", b"c")
    assert said == [said[0]] * 3
    assert said[0] in (b"salt of a", b"salt of b", b"salt of c")
    assert await offers(users, b"d", at=NOW + 10) == [said[0]]
    assert (await users.sessions(SHOP, "u1"))[0].hash == said[0][-1:]


async def test_usr_5_the_grace_has_an_end(users: Users) -> None:
    await users.create(ada())
    await users.open_session(session(), generation=1, count_max=5)
    await turn(users, b"one", b"two")
    assert await turn(users, b"one", b"late", now=NOW + 10.1) == (False, True)
    assert await users.sessions(SHOP, "u1") == []


async def test_usr_5_no_grace_once_the_successor_was_used(users: Users) -> None:
    await users.create(ada())
    await users.open_session(session(), generation=1, count_max=5)
    await turn(users, b"one", b"two")
    await turn(users, b"two", b"three")
    assert await turn(users, b"one", b"stolen", now=NOW + 1) == (False, True)
    assert users.refuses(SHOP, user="u1", generation=1, session="s1")


async def test_usr_5_a_session_has_an_end(users: Users) -> None:
    await users.create(ada())
    await users.open_session(session(), generation=1, count_max=5)
    assert await turn(users, b"one", b"two", now=NOW + 100) == (False, False)


async def test_usr_5_the_oldest_sessions_end_beyond_the_ceiling(users: Users) -> None:
    await users.create(ada())
    for n in range(4):
        one = session(id=f"s{n}", hash=b"h%d" % n, opened_at=NOW + n)
        await users.open_session(one, generation=1, count_max=3)
    assert [one.id for one in await users.sessions(SHOP, "u1")] == ["s3", "s2", "s1"]
    stranger = session(user="nobody", id="s9", hash=b"h9")
    with pytest.raises(NotFound):
        await users.open_session(stranger, generation=1, count_max=3)


async def test_usr_9_a_session_is_of_the_user_as_they_were(users: Users) -> None:
    await users.create(ada())
    await users.put(ada(generation=2), refuse_until=NOW + 900)
    with pytest.raises(Conflict):
        await users.open_session(session(), generation=1, count_max=5)
    assert await users.sessions(SHOP, "u1") == []


@pytest.mark.parametrize("ends", Ends)
async def test_usr_9_what_ends_with_a_change(users: Users, ends: Ends) -> None:
    await users.create(ada())
    await users.create(ada(id="u2", email="bob@example.com"))
    await users.open_session(session(), generation=1, count_max=5)
    other = session(id="s2", user="u2", hash=b"others")
    await users.open_session(other, generation=1, count_max=5)
    await users.add_code(code(purpose=Purpose.CHANGE_EMAIL))
    for id in ("u1", "u2"):
        key = ApiKey(id=f"k-{id}", app=SHOP, hash=id.encode(), name="k", user=id)
        await users.add_key(key, count_max=5)
    await users.put(ada(generation=2), refuse_until=NOW + 900, ends=ends)
    assert len(await users.sessions(SHOP, "u1")) == (ends is Ends.NOTHING)
    taken = await users.take_code(SHOP, b"code", purpose=Purpose.CHANGE_EMAIL, now=NOW)
    assert (taken is not None) is (ends is Ends.NOTHING)
    assert (users.key(SHOP, b"u1") is not None) is (ends is not Ends.ALL)
    assert users.key(SHOP, b"u2") is not None
    assert users.refuses(SHOP, user="u1", generation=2, session="s1") is (ends > Ends.NOTHING)
    assert len(await users.sessions(SHOP, "u2")) == 1


async def test_usr_10_when_a_key_was_used(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as before:
        for n in range(2):
            key = ApiKey(id=f"k{n}", app=SHOP, hash=b"k%d" % n, name="k")
            await before.users.add_key(key, count_max=5)
            before.users.mark_used(key, at=NOW)
        assert [key.used_at for key in before.users.keys(SHOP)] == [NOW, NOW]
        await before.users.remove_key(SHOP, "k1")
        await before.users.sweep(now=NOW)
        [key] = before.users.keys(SHOP)
        before.users.mark_used(key, at=NOW + 3600)  # Not swept: a crash may lose it.
    async with sqlite(tmp_path) as after:
        assert [key.used_at for key in after.users.keys(SHOP)] == [NOW]


async def test_usr_10_it_is_told_at_once(users: Users) -> None:
    key = ApiKey(id="k1", app=SHOP, hash=b"k", name="k")
    users.mark_used(key, at=NOW)  # It was revoked at this moment: nothing happens.
    await users.add_key(key, count_max=5)
    users.mark_used(key, at=NOW)
    assert users.keys(SHOP)[0].used_at == NOW
    await users.sweep(now=NOW)
    assert users.keys(SHOP)[0].used_at == NOW
