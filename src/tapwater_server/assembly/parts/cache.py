"""The cache of this node, in a file of its own."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.backends.sqlite.cache import open_cache
from tapwater_server.model.ids import AppId
from tapwater_server.services.cache.http import CacheApi


async def open(ground: Ground) -> Part:
    """Build it; what ended is swept away with the rest of the housekeeping."""
    database, cache = await open_cache(ground.settings.data / "cache.db", clock=ground.clock)
    ground.stack.push_async_callback(database.close)

    async def erase(app: AppId) -> None:
        await cache.clear(app)

    return Part(
        name="cache",
        endpoints=CacheApi(cache=cache, clock=ground.clock).endpoints(),
        erase=erase,
        sweep=cache.sweep,
        service=cache,
    )
