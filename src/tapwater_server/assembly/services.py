"""The services of a node: each is opened on the same ground and adds its part."""

from collections.abc import Awaitable, Callable, Sequence

from tapwater_server.assembly.parts.ground import Ground, Part

# In the order they are opened. A part that needs another names it in its own file.
PARTS: Sequence[Callable[[Ground], Awaitable[Part]]] = ()


async def open_services(ground: Ground) -> Sequence[Part]:
    """Open all of them; what they open is closed with the ground's stack."""
    return [await open_part(ground) for open_part in PARTS]
