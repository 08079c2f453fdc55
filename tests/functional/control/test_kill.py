"""kill -9 in the middle of a deploy: the old revision serves, the leftovers go."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.control.killed import POINTS, SHOP, deploy, opened


def deploy_and_kill(folder: Path, point: str) -> None:
    command = [sys.executable, "-m", "tests.functional.control.killed", str(folder), point]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().decode() == f"{point}\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_in_the_middle(tmp_path: Path, point: str) -> None:
    async with opened(tmp_path) as control:
        first = await deploy(control, "first")
    await asyncio.to_thread(deploy_and_kill, tmp_path, point)
    async with opened(tmp_path) as control:
        registry = control.house.registry
        revisions = registry.revisions(SHOP)
        notes = [one.note for one in revisions]
        assert notes == (["second", "first"] if point == "added" else ["first"])
        (live,) = registry.aliases(SHOP)
        assert live.weights == {revisions[0].id: 100}
        assert registry.default_app() == SHOP
        held = {one.bundle for one in revisions}
        assert {path.name for path in (tmp_path / "bundles").iterdir()} == held
        assert first.bundle in held
        third = await deploy(control, "third")
        assert third.number == {"number": 3, "added": 3}.get(point, 2)
        assert registry.aliases(SHOP)[0].weights == {third.id: 100}
