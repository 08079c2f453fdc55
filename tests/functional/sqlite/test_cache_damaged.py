"""A cache whose file is damaged begins empty; the node starts all the same."""

from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.cache import open_cache
from tapwater_server.model.ids import AppId
from tapwater_server.testing.clock import ManualClock

SHOP = AppId("shop")


def spoil_head(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)


def spoil_pages(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)  # The first page, with the schema, is whole.
    file.write_bytes(bytes(data))


@pytest.mark.parametrize("spoil", [spoil_head, spoil_pages])
async def test_a_damaged_cache_begins_empty(tmp_path: Path, spoil: object) -> None:
    clock, file = ManualClock(), tmp_path / "cache.db"
    database, cache = await open_cache(file, clock=clock)
    for number in range(50):
        await cache.put(SHOP, f"k{number}", b"x" * 1000, json=False, ttl_s=None)
    await database.close()
    assert callable(spoil)
    spoil(file)
    database, cache = await open_cache(file, clock=clock)
    assert cache.get(SHOP, "k1") is None
    await cache.put(SHOP, "k1", b"new", json=False, ttl_s=None)
    await database.close()
    assert (tmp_path / "damaged-cache.db").exists()
    database, cache = await open_cache(file, clock=clock)
    kept = cache.get(SHOP, "k1")
    assert (kept.value if kept else None) == b"new"
    await database.close()
