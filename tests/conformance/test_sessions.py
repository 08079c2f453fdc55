"""What every keeper of the dashboard's sessions must do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.model.ids import AppId
from tapwater_server.ports.sessions import SESSIONS_MAX, USED_S, HeldSession
from tapwater_server.ports.tokens import hash_of
from tests.conformance.opened_state import BACKENDS, Stores, files_with, sqlite_stores
from tests.conformance.test_registry import revision

SHOP, BLOG = AppId("shop"), AppId("blog")
NOW = 1_800_000_000.0


@pytest.fixture(params=sorted(BACKENDS))
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


def session(name: str, *, app: AppId | None = None, used_at: float = NOW) -> HeldSession:
    return HeldSession(
        hash=hash_of(name),
        token=b"" if app else hash_of("tap_token"),
        app=app or AppId(""),
        user="u1" if app else "",
        generation=3 if app else 0,
        opened_at=NOW,
        used_at=used_at,
    )


async def test_ses_1_the_secret_is_not_at_rest(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as stores:
        await stores.sessions.open(session("a-secret-in-a-cookie"))
    assert files_with(tmp_path, b"a-secret-in-a-cookie") == []


async def test_ses_2_it_is_found_by_its_hash(stores: Stores) -> None:
    await stores.sessions.open(session("one"))
    assert stores.sessions.find(hash_of("one")) == session("one")
    assert stores.sessions.find(hash_of("another")) is None


async def test_ses_3_what_ended_is_refused_at_once(stores: Stores) -> None:
    await stores.sessions.open(session("one"))
    assert await stores.sessions.end(hash_of("one"))
    assert stores.sessions.find(hash_of("one")) is None
    assert not await stores.sessions.end(hash_of("one"))


async def test_ses_3_it_holds_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.sessions.open(session("stays", app=SHOP))
        await before.sessions.open(session("ends"))
        await before.sessions.end(hash_of("ends"))
    async with sqlite_stores(tmp_path) as after:
        assert after.sessions.find(hash_of("stays")) == session("stays", app=SHOP)
        assert after.sessions.find(hash_of("ends")) is None


async def test_ses_4_beyond_the_ceiling_the_longest_unused_ends(stores: Stores) -> None:
    for number in range(SESSIONS_MAX):
        await stores.sessions.open(session(f"s{number}", used_at=NOW + number))
    stores.sessions.use(hash_of("s0"), at=NOW + 10 * SESSIONS_MAX)
    await stores.sessions.open(session("new", used_at=NOW + SESSIONS_MAX))
    assert stores.sessions.find(hash_of("s0")) is not None
    assert stores.sessions.find(hash_of("s1")) is None
    assert stores.sessions.find(hash_of("new")) is not None


async def test_ses_5_its_use_is_known_and_the_old_are_swept(stores: Stores) -> None:
    await stores.sessions.open(session("used"))
    await stores.sessions.open(session("idle"))
    stores.sessions.use(hash_of("used"), at=NOW + USED_S / 2)
    found = stores.sessions.find(hash_of("used"))
    assert found is not None
    assert found.used_at == NOW  # So exactly nobody wants to know it.
    stores.sessions.use(hash_of("used"), at=NOW + 1_000)
    stores.sessions.use(hash_of("nobody's"), at=NOW + 1_000)
    assert await stores.sessions.sweep(unused_since=NOW + 500, opened_before=0.0) == 1
    assert stores.sessions.find(hash_of("idle")) is None
    assert stores.sessions.find(hash_of("used")) is not None
    assert await stores.sessions.sweep(unused_since=0.0, opened_before=NOW + 1) == 1
    assert stores.sessions.find(hash_of("used")) is None


async def test_ses_5_its_use_is_on_disk_after_a_sweep(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.sessions.open(session("used"))
        before.sessions.use(hash_of("used"), at=NOW + 1_000)
        await before.sessions.sweep(unused_since=0.0, opened_before=0.0)
    async with sqlite_stores(tmp_path) as after:
        found = after.sessions.find(hash_of("used"))
        assert found is not None
        assert found.used_at == NOW + 1_000


async def test_ses_6_the_sessions_of_an_apps_users_go_with_it(stores: Stores) -> None:
    await stores.registry.add_revision(revision(1), aliases=[])
    for name, app in (("shop", SHOP), ("blog", BLOG), ("admin", None)):
        await stores.sessions.open(session(name, app=app))
    await stores.registry.remove_app(SHOP)
    known = {name for name in ("shop", "blog", "admin") if stores.sessions.find(hash_of(name))}
    assert known == {"blog", "admin"}


async def test_ses_7_all_sessions_of_one_holder_end_together(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await end_those_of_the_app(before)
    async with sqlite_stores(tmp_path) as after:
        assert after.sessions.find(hash_of("one")) is None
        assert after.sessions.find(hash_of("token")) is not None


async def test_ses_7_in_memory_too(stores: Stores) -> None:
    await end_those_of_the_app(stores)
    assert await stores.sessions.end_alike(hash_of("nowhere")) == 0


async def end_those_of_the_app(stores: Stores) -> None:
    """Of four sessions two are of one user."""
    for name, app in (("one", SHOP), ("two", SHOP), ("other app", BLOG), ("token", None)):
        await stores.sessions.open(session(name, app=app))
    assert await stores.sessions.end_alike(hash_of("one")) == 2
    assert stores.sessions.find(hash_of("two")) is None
    assert stores.sessions.find(hash_of("other app")) is not None
