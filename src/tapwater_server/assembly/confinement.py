"""The sandbox of this machine, with its limits and its way out."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.backends.linux.cgroup import Cgroups
from tapwater_server.backends.linux.egress import Egress
from tapwater_server.backends.linux.sandbox import LinuxSandbox
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Meter, Use
from tapwater_server.ports.sandbox import Layer

SPARES = 16  # One or two megabytes each.


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """Everything that keeps functions apart."""

    sandbox: LinuxSandbox
    cgroups: Cgroups
    egress: Egress

    async def layers(self) -> Sequence[Layer]:
        """Say which layers this machine gives. Tries them, which takes some tenths of a second."""
        await self.sandbox.try_layers()
        tried = await asyncio.to_thread(self.egress.layers)
        return (*self.sandbox.layers(), *tried)


def open_confinement(
    data: Path,
    *,
    clock: Clock,
    allow_weak: bool,
    stack: AsyncExitStack,
    sent: Callable[[str, int], None] | None = None,
) -> Confinement:
    """Clear away what an earlier platform on this data directory left, then be ready."""
    egress = Egress(clock=clock, sent=sent)
    stack.push_async_callback(egress.close)
    cgroups = Cgroups(owner=_owner(data), clock=clock)
    cgroups.sweep()
    stack.callback(cgroups.close)
    sandbox = LinuxSandbox(
        cgroups=cgroups,
        egress=egress,
        scratch=data / "sandbox",
        allow_weak=allow_weak,
        spares=SPARES,
    )
    stack.push_async_callback(sandbox.close)
    return Confinement(sandbox=sandbox, cgroups=cgroups, egress=egress)


def note_sent(meter: Meter, clock: Clock, function: str, size: int) -> None:
    """What a function sent through its declared egress is use of its own, of no single call."""
    app, _, name = function.partition(":")
    meter.use(Use(at=clock.now(), app=app, function=name, quantity="egress_bytes", amount=size))


def _owner(data: Path) -> str:
    """A name for the data directory that stays the same, to know our own leftovers by."""
    stat = os.stat(data)
    return f"{stat.st_dev:x}-{stat.st_ino:x}"
