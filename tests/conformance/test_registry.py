"""What every registry must do, whatever keeps it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.model.errors import Conflict, NotFound
from tapwater_server.model.function import Alias, Function, Kind, Revision, Route, Style, Trigger
from tapwater_server.model.ids import AppId, FunctionId, RevisionId
from tests.conformance.opened_state import BACKENDS, Stores, sqlite_stores

SHOP, BLOG = AppId("shop"), AppId("blog")


@pytest.fixture(params=sorted(BACKENDS))
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


def revision(number: int = 1, *, app: AppId = SHOP, id: str = "") -> Revision:
    get = Function(
        id=FunctionId(app, "users/profile/[id]"),
        kind=Kind.RESTFUL,
        style=Style.VERBS,
        file="users/restful/profile/[id].py",
        group="users",
        route=Route(path="/users-api/profile/{id}", verbs=frozenset({"GET", "PUT"})),
        egress=("api.stripe.com:443",),
        operations={"get": {"summary": "ü"}},
    )
    react = Function(
        id=FunctionId(app, "users/welcome"),
        kind=Kind.REACTIVE,
        style=Style.EVENT,
        file="users/reactive/welcome.py",
        group="users",
        triggers=(Trigger(source="schedule", arguments={"cron": "* * * * *"}),),
    )
    return Revision(
        id=RevisionId(id or f"{app}-{number}"),
        app=app,
        number=number,
        created_at=12.5,
        bundle="b" * 64,
        layer="",
        python="3.12.1",
        functions=(get, react),
        hosts=("shop.example.com",),
        settings={"cors": {"origins": ["*"]}},
    )


def live(*weights: tuple[str, int], app: AppId = SHOP, name: str = "live") -> Alias:
    return Alias(app=app, name=name, weights={RevisionId(id): weight for id, weight in weights})


async def test_reg_1_all_of_a_revision_is_there(stores: Stores) -> None:
    added = revision()
    await stores.registry.add_revision(added, aliases=[live(("shop-1", 100))])
    assert stores.registry.revisions(SHOP) == [added]
    assert stores.registry.revision(SHOP, added.id) == added
    assert stores.registry.aliases(SHOP) == [live(("shop-1", 100))]
    assert stores.registry.apps() == [SHOP]


async def test_reg_1_a_wrong_alias_leaves_nothing(stores: Stores) -> None:
    with pytest.raises(NotFound):
        await stores.registry.add_revision(revision(), aliases=[live(("shop-9", 100))])
    assert stores.registry.apps() == []
    assert stores.registry.revisions(SHOP) == []


async def test_reg_1_it_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.registry.add_revision(revision(), aliases=[live(("shop-1", 100))])
        await before.registry.set_default_app(SHOP)
    async with sqlite_stores(tmp_path) as after:
        assert after.registry.revisions(SHOP) == [revision()]
        assert after.registry.aliases(SHOP) == [live(("shop-1", 100))]
        assert after.registry.default_app() == SHOP


async def test_reg_2_the_same_id_is_a_conflict(stores: Stores) -> None:
    await stores.registry.add_revision(revision(), aliases=[])
    with pytest.raises(Conflict):
        await stores.registry.add_revision(revision(2, id="shop-1"), aliases=[])
    with pytest.raises(Conflict):
        await stores.registry.add_revision(revision(1, id="other"), aliases=[])
    assert stores.registry.revisions(SHOP) == [revision()]


async def test_reg_2_a_removed_revision_is_gone_unless_it_is_pointed_at(stores: Stores) -> None:
    await stores.registry.add_revision(revision(1), aliases=[live(("shop-1", 100))])
    await stores.registry.add_revision(revision(2), aliases=[])
    with pytest.raises(Conflict):
        await stores.registry.remove_revision(SHOP, RevisionId("shop-1"))
    await stores.registry.remove_revision(SHOP, RevisionId("shop-2"))
    assert [one.number for one in stores.registry.revisions(SHOP)] == [1]
    with pytest.raises(NotFound):
        await stores.registry.remove_revision(SHOP, RevisionId("shop-2"))


async def test_reg_3_an_alias_moves_in_one_step(stores: Stores) -> None:
    await stores.registry.add_revision(revision(1), aliases=[live(("shop-1", 100))])
    seen: list[list[Alias]] = []
    stores.registry.watch(lambda app: seen.append(list(stores.registry.aliases(app))))
    await stores.registry.add_revision(revision(2), aliases=[live(("shop-2", 100))])
    await stores.registry.set_alias(live(("shop-1", 90), ("shop-2", 10)))
    assert seen == [[live(("shop-2", 100))], [live(("shop-1", 90), ("shop-2", 10))]]


async def test_reg_3_an_alias_points_at_what_is_there(stores: Stores) -> None:
    await stores.registry.add_revision(revision(1), aliases=[live(("shop-1", 100))])
    with pytest.raises(NotFound):
        await stores.registry.set_alias(live(("shop-2", 100)))
    with pytest.raises(NotFound):
        await stores.registry.remove_alias(SHOP, "canary")
    await stores.registry.set_alias(live(("shop-1", 100), name="canary"))
    await stores.registry.remove_alias(SHOP, "canary")
    assert [alias.name for alias in stores.registry.aliases(SHOP)] == ["live"]


async def test_reg_4_watchers_hear_in_order(stores: Stores) -> None:
    told: list[tuple[str, int]] = []
    stores.registry.watch(lambda app: told.append((app, len(stores.registry.revisions(app)))))
    await asyncio.gather(
        stores.registry.add_revision(revision(1), aliases=[]),
        stores.registry.add_revision(revision(2), aliases=[]),
        stores.registry.add_revision(revision(1, app=BLOG), aliases=[]),
    )
    assert told == [("shop", 1), ("shop", 2), ("blog", 1)]


async def test_reg_4_watchers_hear_of_the_default_app(stores: Stores) -> None:
    await stores.registry.add_revision(revision(1), aliases=[])
    await stores.registry.add_revision(revision(1, app=BLOG), aliases=[])
    await stores.registry.set_default_app(SHOP)
    told: list[str] = []
    stores.registry.watch(told.append)
    await stores.registry.set_default_app(BLOG)
    assert told == ["shop", "blog"]
    assert stores.registry.default_app() == BLOG
    with pytest.raises(NotFound):
        await stores.registry.set_default_app(AppId("nowhere"))


async def test_reg_4_a_change_whose_asker_is_gone_is_heard_of_too(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as stores:
        told: list[str] = []
        stores.registry.watch(told.append)
        adding = asyncio.create_task(stores.registry.add_revision(revision(), aliases=[]))
        await asyncio.wait([adding], timeout=0)
        adding.cancel()
        await stores.registry.next_number(BLOG)  # Writes are done in their order.
        assert told == [SHOP]
        assert stores.registry.revisions(SHOP) == [revision()]


async def test_reg_5_an_app_goes_with_everything(stores: Stores) -> None:
    await stores.registry.add_revision(revision(1), aliases=[live(("shop-1", 100))])
    await stores.registry.add_revision(revision(1, app=BLOG), aliases=[])
    await stores.registry.set_default_app(SHOP)
    await stores.secrets.put(SHOP, "KEY", "a")
    await stores.secrets.put(BLOG, "KEY", "b")
    only = await stores.tokens.issue("only-shop", admin=False, apps=[SHOP])
    both = await stores.tokens.issue("both", admin=False, apps=[SHOP, BLOG])
    admin = await stores.tokens.issue("root", admin=True, apps=[])
    await stores.registry.remove_app(SHOP)
    assert stores.registry.apps() == [BLOG]
    assert stores.registry.revisions(SHOP) == []
    assert stores.registry.aliases(SHOP) == []
    assert stores.registry.default_app() is None
    assert stores.secrets.names(SHOP) == []
    assert stores.secrets.names(BLOG) == ["KEY"]
    assert stores.tokens.check(only) is None
    holder = stores.tokens.check(both)
    assert holder is not None
    assert holder.apps == {BLOG}
    assert stores.tokens.check(admin) is not None
    with pytest.raises(NotFound):
        await stores.registry.remove_app(SHOP)


async def test_reg_5_a_removed_app_stays_away(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.registry.add_revision(revision(1), aliases=[live(("shop-1", 100))])
        await before.registry.set_default_app(SHOP)
        await before.secrets.put(SHOP, "KEY", "a")
        token = await before.tokens.issue("deploy", admin=False, apps=[SHOP])
        await before.registry.remove_app(SHOP)
    async with sqlite_stores(tmp_path) as after:
        assert after.registry.apps() == []
        assert after.registry.aliases(SHOP) == []
        assert after.registry.default_app() is None
        assert after.secrets.names(SHOP) == []
        assert after.tokens.check(token) is None


async def test_reg_8_a_removed_name_is_taken_until_it_is_forgotten(stores: Stores) -> None:
    registry = stores.registry
    await registry.add_revision(revision(1), aliases=[live(("shop-1", 100))])
    assert registry.leaving() == []
    await registry.remove_app(SHOP)
    assert registry.leaving() == [SHOP]
    with pytest.raises(Conflict, match="being removed"):
        await registry.add_revision(revision(2), aliases=[live(("shop-2", 100))])
    assert registry.apps() == []
    await registry.forget_app(SHOP)
    await registry.forget_app(SHOP)
    assert registry.leaving() == []
    await registry.add_revision(revision(2), aliases=[live(("shop-2", 100))])
    assert registry.apps() == [SHOP]


async def test_reg_8_also_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.registry.add_revision(revision(1), aliases=[])
        await before.registry.remove_app(SHOP)
    async with sqlite_stores(tmp_path) as after:
        assert after.registry.leaving() == [SHOP]
        await after.registry.forget_app(SHOP)
    async with sqlite_stores(tmp_path) as last:
        assert last.registry.leaving() == []


async def test_reg_6_numbers_grow_and_are_never_used_again(stores: Stores) -> None:
    registry = stores.registry
    assert [await registry.next_number(SHOP) for _ in range(3)] == [1, 2, 3]
    assert await registry.next_number(BLOG) == 1
    await registry.add_revision(revision(7), aliases=[])
    assert await registry.next_number(SHOP) == 8
    await registry.remove_app(SHOP)
    assert await registry.next_number(SHOP) == 9


async def test_reg_7_only_a_number_is_no_app(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.registry.add_revision(revision(1), aliases=[live(("shop-1", 100))])
        await before.registry.next_number(SHOP)
        await before.registry.next_number(BLOG)
    async with sqlite_stores(tmp_path) as after:
        assert after.registry.apps() == [SHOP]
        assert after.registry.revisions(SHOP) == [revision(1)]
        assert await after.registry.next_number(SHOP) == 3


async def test_reg_7_a_number_alone_is_no_app(stores: Stores) -> None:
    await stores.registry.next_number(SHOP)
    assert stores.registry.apps() == []
    assert stores.registry.revisions(SHOP) == []
