"""Between calls nothing of a function runs, where it is to be frozen: as on Lambda."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.ports.sandbox import Sandbox
from tests.functional.aws.guest.lambda_kit import foreign, instance, opened
from tests.sandbox_kit import linux_sandbox

STILL_S = 0.4
TICKS = """#!/usr/bin/env -S python3 -S
import os, subprocess, threading, time
seen = []
def tick():
    while True:
        seen.append(time.monotonic())
        time.sleep(0.005)
def gap(ticks):
    return max((b - a for a, b in zip(ticks, ticks[1:])), default=0)
CHILD = '''
import time
with open("/tmp/ticks", "w", buffering=1) as file:
    while True:
        file.write(f"{time.monotonic()}\\\\n")
        time.sleep(0.005)
'''
def handler(event, context):
    import sys
    if event == "sleep":
        time.sleep(STILL)
    elif event == "begin":
        threading.Thread(target=tick, daemon=True).start()
        subprocess.Popen([sys.executable, "-S", "-c", CHILD])
        while not os.path.exists("/tmp/ticks") or not seen:
            time.sleep(0.005)
    else:
        count = len(seen)
        while len(seen) < count + 3:
            time.sleep(0.005)
        with open("/tmp/ticks") as file:
            return [gap(seen), gap([float(line) for line in file if line.endswith("\\n")])]
""".replace("STILL", str(STILL_S))


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with linux_sandbox(tmp_path) as made:
        yield made


@pytest.mark.parametrize("frozen", [True, False])
async def test_threads_and_children_stand_still(
    sandbox: Sandbox, tmp_path: Path, frozen: bool
) -> None:
    async with (
        opened(sandbox, tmp_path, {"app.py": TICKS}, foreign()) as zygote,
        instance(zygote) as other,
        instance(zygote) as talk,
    ):
        assert (await talk.invoke("begin")).value is None
        if frozen:
            talk.guest.freeze()
        await other.invoke("sleep")  # So long nobody calls.
        if frozen:
            talk.guest.thaw()
        for gap_s in (await talk.invoke("look")).value:
            assert (gap_s >= STILL_S * 0.9) is frozen
