"""Looking at live calls on this node."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.services.profiling.http import ProfilesApi


async def open(ground: Ground) -> Part:
    """Build it; the profiler itself belongs to the request line."""
    api = ProfilesApi(profiling=ground.profiling, registry=ground.stores.registry)
    return Part(name="profiles", node=api.endpoints(), service=ground.profiling)
