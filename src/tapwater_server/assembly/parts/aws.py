"""The room of AWS on one node: its services, opened on the same ground, behind one front."""

from collections.abc import Awaitable, Callable, Sequence

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.clouds.aws.reaching import Functions
from tapwater_server.clouds.aws.sending import ByService

# In the order they are opened, each from its own file in assembly/aws/.
SERVICES: Sequence[Callable[[AwsGround], Awaitable[AwsPart]]] = ()


async def open(ground: Ground, parts: Sequence[Part]) -> Part:
    """Open the services; ``parts`` are our own, which they stand on."""
    targets = ByService()
    found: list[AwsPart] = []

    def functions() -> Functions:
        return next(one.functions for one in found if one.functions is not None)

    base = AwsGround(
        node=ground,
        parts={part.name: part.service for part in parts},
        functions=functions,
        targets=targets,
    )
    for open_service in SERVICES:
        part = await open_service(base)
        found.append(part)
        targets.add(part.targets)
    return Part(name="aws", loops=tuple(loop for part in found for loop in part.loops))
