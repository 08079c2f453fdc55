"""What every keeper of tokens must do."""

import hmac
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.tokens import SqliteTokens
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import AppId
from tapwater_server.ports import tokens as port
from tests.conformance.opened_state import BACKENDS, Stores, files_with, sqlite_stores

SHOP = AppId("shop")


@pytest.fixture(params=sorted(BACKENDS))
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_tok_1_the_text_is_not_at_rest(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as stores:
        text = await stores.tokens.issue("deploy", admin=False, apps=[SHOP])
    assert files_with(tmp_path, text.encode()) == []


async def test_tok_1_a_holder_is_known_by_the_text(stores: Stores) -> None:
    text = await stores.tokens.issue("deploy", admin=False, apps=[SHOP])
    holder = stores.tokens.check(text)
    assert holder is not None
    assert (holder.name, holder.admin, holder.apps) == ("deploy", False, frozenset({SHOP}))
    assert [one.name for one in stores.tokens.list()] == ["deploy"]
    with pytest.raises(Conflict):
        await stores.tokens.issue("deploy", admin=True, apps=[])


async def test_tok_1_it_holds_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite_stores(tmp_path) as before:
        admin = await before.tokens.issue("root", admin=True, apps=[])
        text = await before.tokens.issue("deploy", admin=False, apps=[SHOP])
    async with sqlite_stores(tmp_path) as after:
        assert after.tokens.check(admin).admin  # type: ignore[union-attr]
        assert after.tokens.check(text).apps == {SHOP}  # type: ignore[union-attr]


async def test_tok_2_revoked_is_refused(stores: Stores) -> None:
    text = await stores.tokens.issue("deploy", admin=False, apps=[SHOP])
    assert await stores.tokens.revoke("deploy")
    assert stores.tokens.check(text) is None
    assert not await stores.tokens.revoke("deploy")
    assert await stores.tokens.issue("deploy", admin=False, apps=[SHOP]) != text


async def test_tok_2_a_revoked_token_is_not_known_by_its_hash(stores: Stores) -> None:
    text = await stores.tokens.issue("deploy", admin=False, apps=[SHOP])
    holder = stores.tokens.holder(port.hash_of(text))
    assert holder is not None
    assert holder.name == "deploy"
    assert stores.tokens.holder(port.hash_of("tap_another")) is None
    await stores.tokens.revoke("deploy")
    assert stores.tokens.holder(port.hash_of(text)) is None


async def test_tok_3_every_token_is_compared_whichever_fits(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [await stores.tokens.issue(f"t{n}", admin=True, apps=[]) for n in range(5)]
    compared: list[bool] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append(len(a) == len(b) == 32)
        return hmac.compare_digest(a, b)

    monkeypatch.setattr(port, "compare_digest", compare)
    counts = []
    for text in (texts[0], texts[4], "tap_wrong", "", "ü\ud800"):
        compared.clear()
        stores.tokens.check(text)
        counts.append((len(compared), all(compared)))
    assert counts == [(5, True)] * 5


async def test_tok_1_the_admin_token_is_shown_once(tmp_path: Path) -> None:
    file = tmp_path / "admin-token"
    async with sqlite_stores(tmp_path) as stores:
        assert isinstance(stores.tokens, SqliteTokens)
        text = await stores.tokens.ensure_admin(file)
        assert text is not None
        assert file.read_text().strip() == text
        assert file.stat().st_mode & 0o777 == 0o600
        assert await stores.tokens.ensure_admin(file) is None
    async with sqlite_stores(tmp_path) as stores:
        assert isinstance(stores.tokens, SqliteTokens)
        assert await stores.tokens.ensure_admin(file) is None
        file.unlink()
        again = await stores.tokens.ensure_admin(file)
        assert again is not None
        assert stores.tokens.check(text) is None
        assert stores.tokens.check(again) is not None


def test_ids_make_tokens_that_are_recognised() -> None:
    text, held = port.fresh("a", admin=True, apps=(), held=[], ids=SystemIds())
    assert text.startswith("tap_")
    assert held.hash == port.hash_of(text)
