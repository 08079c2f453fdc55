"""What every keeper of users must do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.model.errors import Conflict, NotFound, Overloaded
from tapwater_server.model.user import ApiKey, Link, Purpose
from tapwater_server.ports.users import Users, Wanted
from tests.conformance.opened_users import (
    BACKENDS,
    NOW,
    OTHER,
    SHOP,
    Kept,
    ada,
    code,
    event,
    letter,
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


async def logged(kept: Kept) -> list[str]:
    return [one.event.id for one in await kept.log.read(after=0, count_max=100)]


async def test_usr_1_an_address_is_one_users(users: Users) -> None:
    await users.create(ada())
    with pytest.raises(Conflict):
        await users.create(ada(id="u2"))
    await users.create(ada(id="u2", app=OTHER))  # Another app's users are others.
    await users.create(ada(id="u3", email="bob@example.com"))
    with pytest.raises(Conflict):
        await users.put(ada(id="u3"))
    assert (await users.find(SHOP, "u3")).email == "bob@example.com"  # type: ignore[union-attr]
    assert await users.find_by_email(SHOP, "ada@example.com") == ada()
    assert await users.find_by_email(SHOP, "") is None


async def test_usr_1_of_two_at_the_same_moment_one_wins(users: Users) -> None:
    answers = await asyncio.gather(
        *(users.create(ada(id=f"u{n}")) for n in range(10)), return_exceptions=True
    )
    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 9
    assert len(await users.list(SHOP, Wanted())) == 1


async def test_usr_1_a_link_is_one_users(users: Users) -> None:
    link = Link("https://issuer.example", "42")
    await users.create(ada(links=(link,)))
    with pytest.raises(Conflict):
        await users.create(ada(id="u2", email="", links=(link,)))
    assert await users.find(SHOP, "u2") is None
    assert await users.find_linked(SHOP, link) == ada(links=(link,))
    assert await users.find_linked(OTHER, link) is None
    await users.create(ada(id="u3", email=""))
    await users.create(ada(id="u4", email=""))  # No address is nobody's address.


async def test_usr_2_the_change_and_its_events_are_one(kept: Kept) -> None:
    await kept.users.create(ada(), events=[event("e1")])
    with pytest.raises(Conflict):
        await kept.users.create(ada(id="u2"), events=[event("e2")])
    changed = await kept.users.put(ada(roles=("admin",)), events=[event("e3")])
    with pytest.raises(Conflict):
        await kept.users.put(ada(), events=[event("e4")])
    assert not await kept.users.remove(SHOP, "nobody", refuse_until=0.0, events=[event("e5")])
    assert await kept.users.remove(SHOP, changed.id, refuse_until=0.0, events=[event("e6")])
    assert await logged(kept) == ["e1", "e3", "e6"]


async def test_usr_2_the_change_its_code_and_its_letter_are_one(kept: Kept) -> None:
    await kept.users.create(ada(), code=code(), letter=letter("m1"))
    late = code(hash=b"late", user="u2")
    with pytest.raises(Conflict):
        await kept.users.create(ada(id="u2"), code=late, letter=letter("m2"))
    reset = code(hash=b"reset", purpose=Purpose.RESET)
    await kept.users.add_code(reset, letter=letter("m3"))
    newer = code(hash=b"newer")
    changed = await kept.users.put(ada(roles=("a",)), code=newer, letter=letter("m4"))
    with pytest.raises(Conflict):
        await kept.users.put(ada(), code=code(hash=b"old"), letter=letter("m5"))
    assert [one.id for one in await kept.outbox.list(SHOP)] == ["m4", "m3", "m1"]
    await asyncio.wait_for(kept.outbox.wait_accepted(), 5)
    for hash, good in ((b"late", False), (b"code", False), (b"old", False), (b"newer", True)):
        taken = await kept.users.take_code(SHOP, hash, purpose=Purpose.CONFIRM, now=NOW)
        assert (taken is not None) is good, hash
    assert changed.version == 2


async def test_usr_3_an_older_version_changes_nothing(users: Users) -> None:
    await users.create(ada())
    second = await users.put(ada(roles=("a",)))
    assert second.version == 2
    with pytest.raises(Conflict):
        await users.put(ada(roles=("b",)))
    assert await users.find(SHOP, "u1") == second
    with pytest.raises(Conflict):
        await users.put(ada(id="nobody"))


async def test_usr_4_a_code_is_taken_once(users: Users) -> None:
    await users.create(ada())
    await users.add_code(code())
    assert await users.take_code(SHOP, b"code", purpose=Purpose.RESET, now=NOW) is None
    assert await users.take_code(OTHER, b"code", purpose=Purpose.CONFIRM, now=NOW) is None
    taken = await asyncio.gather(
        *(users.take_code(SHOP, b"code", purpose=Purpose.CONFIRM, now=NOW) for _ in range(5))
    )
    assert [one for one in taken if one is not None] == [code()]


async def test_usr_4_not_after_its_end(users: Users) -> None:
    await users.add_code(code())
    assert await users.take_code(SHOP, b"code", purpose=Purpose.CONFIRM, now=NOW + 10) is None


async def test_usr_4_a_new_one_takes_the_place_of_older_ones(users: Users) -> None:
    await users.add_code(code())
    await users.add_code(code(hash=b"reset", purpose=Purpose.RESET))
    await users.add_code(code(hash=b"newer"))
    assert await users.take_code(SHOP, b"code", purpose=Purpose.CONFIRM, now=NOW) is None
    assert await users.take_code(SHOP, b"newer", purpose=Purpose.CONFIRM, now=NOW) is not None
    assert await users.take_code(SHOP, b"reset", purpose=Purpose.RESET, now=NOW) is not None


async def test_usr_6_what_is_theirs_goes_along(users: Users) -> None:
    await users.create(ada(links=(Link("https://i.example", "1"),)))
    await users.open_session(session(), generation=1, count_max=5)
    await turn(users, b"one", b"two")
    await users.add_code(code())
    await users.add_key(ApiKey(id="k1", app=SHOP, hash=b"k", name="k", user="u1"), count_max=9)
    assert await users.remove(SHOP, "u1", refuse_until=NOW + 900)
    assert await users.sessions(SHOP, "u1") == []
    assert users.key(SHOP, b"k") is None
    assert await turn(users, b"two", b"x") == (False, False)
    assert await users.take_code(SHOP, b"code", purpose=Purpose.CONFIRM, now=NOW) is None
    assert await users.find_linked(SHOP, Link("https://i.example", "1")) is None
    assert users.refuses(SHOP, user="u1", generation=7, session="any")
    await users.create(ada(id="u2"))  # The address is free again.


async def test_usr_7_a_higher_generation_refuses_lower_ones(users: Users) -> None:
    await users.create(ada())
    assert not users.refuses(SHOP, user="u1", generation=1, session="s1")
    await users.put(ada(generation=2), refuse_until=NOW + 900)
    assert users.refuses(SHOP, user="u1", generation=1, session="s1")
    assert not users.refuses(SHOP, user="u1", generation=2, session="s1")
    assert not users.refuses(OTHER, user="u1", generation=1, session="s1")


async def test_usr_7_ended_sessions_are_refused(users: Users) -> None:
    await users.create(ada())
    for n in range(3):
        one = session(id=f"s{n}", hash=b"h%d" % n)
        await users.open_session(one, generation=1, count_max=9)
    assert await users.end_sessions(SHOP, "u1", only="s1", refuse_until=NOW + 900) == 1
    assert users.refuses(SHOP, user="u1", generation=1, session="s1")
    assert not users.refuses(SHOP, user="u1", generation=1, session="s2")
    assert await users.end_sessions(SHOP, "u1", refuse_until=NOW + 900) == 2
    assert users.refuses(SHOP, user="u1", generation=1, session="s2")


async def test_usr_7_a_key_follows_its_owner(users: Users) -> None:
    await users.create(ada())
    key = ApiKey(id="k1", app=SHOP, hash=b"k", name="nightly", user="u1")
    await users.add_key(key, count_max=2)
    assert users.key(SHOP, b"k") == (key, ada())
    assert users.key(OTHER, b"k") is None
    disabled = await users.put(ada(disabled=True))
    assert users.key(SHOP, b"k") == (key, disabled)
    own = ApiKey(id="k2", app=SHOP, hash=b"k2", name="app", roles=("a", "b"))
    await users.add_key(own, count_max=2)
    assert users.key(SHOP, b"k2") == (own, None)
    with pytest.raises(Overloaded):
        await users.add_key(replace(own, id="k3", hash=b"k3"), count_max=2)
    with pytest.raises(NotFound):
        await users.add_key(replace(key, id="k4", hash=b"k4", user="nobody"), count_max=9)
    assert await users.remove_key(SHOP, "k1")
    assert not await users.remove_key(SHOP, "k1")
    assert users.key(SHOP, b"k") is None
    assert list(users.keys(SHOP)) == [own]


async def test_usr_7_it_holds_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as before:
        await before.users.create(ada())
        await before.users.put(ada(generation=5), refuse_until=NOW + 900)
        await before.users.open_session(session(), generation=5, count_max=5)
        await before.users.end_sessions(SHOP, "u1", refuse_until=NOW + 900)
        key = ApiKey(id="k1", app=SHOP, hash=b"k", name="k", user="u1")
        await before.users.add_key(key, count_max=5)
    async with sqlite(tmp_path) as after:
        assert after.users.refuses(SHOP, user="u1", generation=4, session="x")
        assert after.users.refuses(SHOP, user="u1", generation=5, session="s1")
        found = after.users.key(SHOP, b"k")
        assert found is not None
        assert found[1] == ada(generation=5, version=2)


async def test_usr_7_what_has_expired_is_swept(users: Users) -> None:
    await users.create(ada())
    await users.put(ada(generation=2), refuse_until=NOW + 900)
    await users.open_session(session(), generation=2, count_max=5)
    await users.add_code(code())
    await users.sweep(now=NOW + 1)
    assert users.refuses(SHOP, user="u1", generation=1, session="")
    assert len(await users.sessions(SHOP, "u1")) == 1
    assert await users.sweep(now=NOW + 1000) >= 2
    assert not users.refuses(SHOP, user="u1", generation=1, session="")
    assert await users.sessions(SHOP, "u1") == []


async def test_usr_8_an_app_is_forgotten_and_no_other(users: Users) -> None:
    for app in (SHOP, OTHER):
        await users.create(ada(app=app))
        await users.open_session(session(app=app), generation=1, count_max=5)
        await users.add_code(code(app=app))
        key = ApiKey(id="k1", app=app, hash=b"k", name="k", user="u1")
        await users.add_key(key, count_max=5)
        await users.put(ada(app=app, generation=2), refuse_until=NOW + 900)
    await users.erase(SHOP)
    assert await users.find(SHOP, "u1") is None
    assert users.key(SHOP, b"k") is None
    assert await users.take_code(SHOP, b"code", purpose=Purpose.CONFIRM, now=NOW) is None
    assert await users.find(OTHER, "u1") is not None
    assert users.key(OTHER, b"k") is not None
    assert users.refuses(OTHER, user="u1", generation=1, session="")
    assert len(await users.sessions(OTHER, "u1")) == 1


async def test_usr_8_lists_are_of_one_app_and_in_pages(users: Users) -> None:
    for n in range(5):
        roles = ("admin",) if n % 2 else ()
        await users.create(ada(id=f"u{n}", email=f"u{n}@example.com", roles=roles, disabled=n == 4))
    await users.create(ada(app=OTHER))

    async def ids(wanted: Wanted, **page: object) -> list[str]:
        found = await users.list(SHOP, wanted, **page)  # type: ignore[arg-type]
        return [user.id for user in found]

    assert await ids(Wanted(), count_max=2) == ["u0", "u1"]
    assert await ids(Wanted(), after="u1", count_max=2) == ["u2", "u3"]
    assert await ids(Wanted(role="admin")) == ["u1", "u3"]
    assert await ids(Wanted(email_contains="u3@")) == ["u3"]
    assert await ids(Wanted(disabled=True)) == ["u4"]
