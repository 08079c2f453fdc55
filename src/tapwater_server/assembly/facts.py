"""What the node can say about itself: for ``tapwater doctor`` and ``tapwater top``."""

import platform
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from tapwater_server.assembly import machine
from tapwater_server.assembly.confinement import Confinement
from tapwater_server.assembly.settings import Settings
from tapwater_server.backends.system.memory import memory_total_bytes
from tapwater_server.control.interpreters import Interpreter
from tapwater_server.gateway.server import Gateway
from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Meter
from tapwater_server.ports.sandbox import Layer
from tapwater_server.scheduler.scheduler import Scheduler


class Facts:
    """Reads the ``stats()`` of the parts; keeps nothing itself."""

    def __init__(
        self,
        *,
        settings: Settings,
        confinement: Confinement,
        scheduler: Scheduler,
        zygotes: Zygotes,
        meter: Meter,
        clock: Clock,
    ) -> None:
        self._settings, self._confinement = settings, confinement
        self._scheduler, self._zygotes = scheduler, zygotes
        self._meter, self._clock = meter, clock
        self._began = clock.monotonic()
        self.interpreters: Callable[[], Awaitable[Sequence[Interpreter]]] = _none
        self.gateway: Gateway | None = None

    async def doctor(self) -> Mapping[str, Any]:
        """What this machine gives, and what is missing."""
        layers = await self._confinement.layers()
        found = await self.interpreters()
        return report(self._settings, layers, found, warnings=await self.warnings())

    def top(self) -> Mapping[str, Any]:
        """What goes on now."""
        stats: dict[str, Any] = msgspec.to_builtins(self._scheduler.stats())
        functions = stats.pop("lanes")  # A lane is a function of a revision; users know no lanes.
        return {
            "uptime_s": self._clock.monotonic() - self._began,
            **stats,
            "functions": functions,
            "zygotes": msgspec.to_builtins(self._zygotes.stats()),
            "meter": msgspec.to_builtins(self._meter.stats()),
            "gateway": msgspec.to_builtins(self.gateway.stats()) if self.gateway else {},
        }

    async def warnings(self) -> tuple[str, ...]:
        """One sentence for every layer of isolation that is missing, and every weaker choice."""
        await self._confinement.sandbox.try_layers()
        missing = [
            f"{layer.name} is missing ({layer.detail}): {layer.without}"
            for layer in self._confinement.sandbox.layers()
            if not layer.present
        ]
        if self._settings.allow_weak:
            missing.append("allow_weak: functions run though layers of isolation are missing")
        return tuple(missing)


def report(
    settings: Settings,
    layers: Sequence[Layer],
    interpreters: Sequence[Interpreter],
    *,
    warnings: Sequence[str],
) -> Mapping[str, Any]:
    """Put the doctor's report together."""
    return {
        "machine": {
            "kernel": platform.release(),
            "architecture": platform.machine(),
            "cores": machine.cores(),
            "memory_bytes": memory_total_bytes(),
            "python": sys.version.split()[0],
        },
        "layers": [msgspec.to_builtins(layer) for layer in layers],
        "interpreters": [msgspec.to_builtins(one) for one in interpreters],
        "limits": {
            "memory_budget_bytes": machine.memory_budget_bytes(settings.memory_budget),
            "instances_max": settings.instances_max,
            "starts_max": settings.starts_max,
            "keep_alive_s": settings.keep_alive_s,
        },
        "warnings": list(warnings),
    }


async def _none() -> Sequence[Interpreter]:
    return ()
