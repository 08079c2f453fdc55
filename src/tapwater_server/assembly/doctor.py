"""Looks at this machine without a server: what ``tapwater doctor`` says when none runs."""

import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tapwater_server.assembly.confinement import open_confinement
from tapwater_server.assembly.facts import report
from tapwater_server.assembly.settings import Settings, build_environment
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.control.interpreters import find


async def examine() -> Mapping[str, Any]:
    """Probe the isolation layers and look for interpreters; leaves nothing behind."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="tapwater-doctor-"))
        confinement = open_confinement(Path(scratch), clock=clock, allow_weak=False, stack=stack)
        layers = await confinement.layers()
        found = await find(build_environment().get("PATH", ""), Path.home())
        missing = [f"{one.name} is missing: {one.without}" for one in layers if not one.present]
        return report(Settings(data=Path(scratch)), layers, found, warnings=missing)
