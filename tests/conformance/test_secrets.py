"""What every keeper of secrets must do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.model.errors import SettingsError
from tapwater_server.model.function import Revision
from tapwater_server.model.ids import AppId, RevisionId
from tests.conformance.opened_state import BACKENDS, Stores, files_with, sqlite_stores

SHOP, BLOG = AppId("shop"), AppId("blog")
VALUE = "a very particular value ü \ud800"


@pytest.fixture(params=sorted(BACKENDS))
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_sec_1_the_disk_does_not_hold_it(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as stores:
        await stores.secrets.put(SHOP, "KEY", "a very particular value")
    assert files_with(tmp_path, b"particular") == []


async def test_sec_1_the_key_is_its_owners_only(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path):
        assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


async def test_sec_2_put_is_read_back(stores: Stores) -> None:
    await stores.secrets.put(SHOP, "KEY", "old")
    await stores.secrets.put(SHOP, "KEY", VALUE)
    await stores.secrets.put(SHOP, "OTHER", "")
    await stores.secrets.put(BLOG, "KEY", "of the blog")
    assert stores.secrets.names(SHOP) == ["KEY", "OTHER"]
    assert stores.secrets.values(SHOP, ["KEY", "OTHER", "NONE"]) == {"KEY": VALUE, "OTHER": ""}


async def test_sec_2_removed_is_gone(stores: Stores) -> None:
    await stores.secrets.put(SHOP, "KEY", "x")
    assert await stores.secrets.remove(SHOP, "KEY")
    assert not await stores.secrets.remove(SHOP, "KEY")
    assert stores.secrets.names(SHOP) == []
    assert stores.secrets.values(SHOP, ["KEY"]) == {}


async def test_sec_2_it_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.secrets.put(SHOP, "KEY", VALUE)
    async with sqlite_stores(tmp_path) as after:
        assert after.secrets.values(SHOP, ["KEY"]) == {"KEY": VALUE}


async def test_sec_3_without_the_key_nothing_is_read(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.secrets.put(SHOP, "KEY", VALUE)
    (tmp_path / "secret-key").unlink()
    async with sqlite_stores(tmp_path) as after:
        assert after.secrets.names(SHOP) == ["KEY"]
        with pytest.raises(SettingsError, match="secret-key is missing"):
            after.secrets.values(SHOP, ["KEY"])
        with pytest.raises(SettingsError, match="secret-key is missing"):
            await after.secrets.put(SHOP, "KEY", "new")
    assert not (tmp_path / "secret-key").exists()


async def test_sec_3_with_another_key_nothing_is_read(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        await before.secrets.put(SHOP, "KEY", VALUE)
    (tmp_path / "secret-key").write_bytes(bytes(32))
    async with sqlite_stores(tmp_path) as after:
        with pytest.raises(SettingsError, match="was not sealed with the key"):
            after.secrets.values(SHOP, ["KEY"])


async def test_sec_4_listeners_hear_of_every_change(stores: Stores) -> None:
    heard: list[tuple[AppId, list[str]]] = []
    secrets = stores.secrets
    secrets.when_changed(lambda app: heard.append((app, list(secrets.names(app)))))
    await secrets.put(SHOP, "KEY", "x")
    await secrets.put(SHOP, "KEY", "y")
    await secrets.remove(SHOP, "KEY")
    assert heard == [(SHOP, ["KEY"]), (SHOP, ["KEY"]), (SHOP, [])]


async def test_sec_4_listeners_hear_of_an_apps_end(stores: Stores) -> None:
    heard: list[AppId] = []
    await stores.registry.add_revision(
        Revision(
            id=RevisionId("r1"),
            app=BLOG,
            number=1,
            created_at=0.0,
            bundle="",
            layer="",
            python="",
            functions=(),
        ),
        aliases=[],
    )
    await stores.secrets.put(BLOG, "KEY", "z")
    stores.secrets.when_changed(heard.append)
    await stores.registry.remove_app(BLOG)
    assert heard == [BLOG]
    assert stores.secrets.names(BLOG) == []
