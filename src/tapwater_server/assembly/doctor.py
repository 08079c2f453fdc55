"""Looks at this machine without a server: what ``tapwater doctor`` says when none runs."""

import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tapwater_server.assembly.facts import report
from tapwater_server.assembly.settings import Settings, build_environment
from tapwater_server.backends.linux.cgroup import Cgroups
from tapwater_server.backends.linux.egress import Egress
from tapwater_server.backends.linux.sandbox import LinuxSandbox
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.control.interpreters import find


async def examine() -> Mapping[str, Any]:
    """Probe the isolation layers and look for interpreters; leaves nothing behind."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="tapwater-doctor-"))
        cgroups = Cgroups(owner="doctor", clock=clock)
        stack.callback(cgroups.close)
        sandbox = LinuxSandbox(cgroups=cgroups, egress=Egress(clock=clock), scratch=Path(scratch))
        stack.push_async_callback(sandbox.close)
        layers = sandbox.layers()
        found = await find(build_environment().get("PATH", ""), Path.home())
        missing = [f"{one.name} is missing: {one.without}" for one in layers if not one.present]
        return report(Settings(data=Path(scratch)), layers, found, warnings=missing)
