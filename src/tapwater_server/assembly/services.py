"""The services of a node: each is opened on the same ground and adds its part."""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.assembly.parts import (
    aws,
    billing,
    blobs,
    budgets,
    cache,
    dashboard,
    documents,
    events,
    mail,
    mqtt,
    otlp,
    profiles,
    queues,
    replay,
    schedules,
    seeing,
    users,
)
from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.model.ids import AppId
from tapwater_server.services.budgets.gate import Gate
from tapwater_server.web.dispatch import Table
from tapwater_server.web.endpoint import Endpoint

# In the order they are opened. A part that needs another names it in its own file.
PARTS: Sequence[Callable[[Ground], Awaitable[Part]]] = (
    documents.open,
    blobs.open,
    events.open,
    queues.open,
    schedules.open,
    cache.open,
    mail.open,
    users.open,
    mqtt.open,
    otlp.open,
    dashboard.open,
    replay.open,
    profiles.open,
    billing.open,
    budgets.open,
    seeing.open,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All parts together: one table of endpoints, one broom, one eraser."""

    parts: Sequence[Part]
    table: Table
    node: Sequence[Endpoint] = ()

    @property
    def loops(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What must run while the node serves; to be taken once."""
        return tuple(loop for part in self.parts for loop in part.loops)

    async def sweep(self) -> None:
        """Let each part clear away what is old."""
        for part in self.parts:
            if part.sweep is None:
                continue
            try:
                await part.sweep()
            except Exception:
                # A border: one that cannot, on a full disk say, must not stop the others.
                _log.exception("a service could not be swept", extra={"service": part.name})

    async def erase(self, app: AppId) -> None:
        """Remove all that the parts keep of an app; the latest opened first, as it may lean on
        earlier ones. Doing it again is harmless.
        """
        for part in reversed(self.parts):
            if part.erase is not None:
                await part.erase(app)


async def open_services(ground: Ground) -> Services:
    """Open all of them; what they open is closed with the ground's stack."""
    parts = [await open_part(ground) for open_part in PARTS]
    if ground.settings.aws:
        parts.append(await aws.open(ground, parts))  # It stands on all of them.
    table = Table(
        (endpoint for part in parts for endpoint in part.endpoints),
        (socket for part in parts for socket in part.sockets),
        tracer=ground.tracer,
        gate=Gate(accounts=ground.spending.accounts),
    )
    node = [endpoint for part in parts for endpoint in part.node]
    return Services(parts=parts, table=table, node=node)
