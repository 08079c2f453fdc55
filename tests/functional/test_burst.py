"""Two hundred calls at once of a function that nobody has called: every one is answered."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.functional.running import Platform

pytestmark = pytest.mark.slow

CALLS = 200
SLEEPER = """\
import os
import time

from tapwater import options

options(instances=(0, 200), memory="{memory}", queue=400, timeout="30s")

def get():
    time.sleep(0.1)
    return str(os.getpid())
"""
LARGE = "held = [str(n) for n in range(400_000)]\n"


async def burst(url: str) -> Counter[int]:
    """Ask on as many connections as there are calls, all at once."""
    limits = httpx.Limits(max_connections=CALLS)
    async with httpx.AsyncClient(limits=limits, timeout=60.0) as client:
        answers = await asyncio.gather(*(client.get(url) for _ in range(CALLS)))
    return Counter(answer.status_code for answer in answers)


@pytest.mark.parametrize(
    ("memory", "module"),
    [
        pytest.param("48MB", SLEEPER, id="small"),
        pytest.param("128MB", SLEEPER, id="usual"),
        pytest.param("192MB", LARGE + SLEEPER, id="large"),
    ],
)
async def test_every_call_of_a_burst_is_answered(tmp_path: Path, memory: str, module: str) -> None:
    with Platform(tmp_path / "data") as platform:
        text = module.replace("{memory}", memory)
        platform.deploy({"restful/index.py": text}, "sleeper")
        for _ in range(3):
            assert await burst(platform.url + "/") == {200: CALLS}
        endings = Counter(record["ending"] for record in platform.records(limit="600"))
        assert set(endings) == {"ok"}
