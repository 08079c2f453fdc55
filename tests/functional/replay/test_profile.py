"""Where the time of live calls goes: plain, async and threaded handlers, long calls too."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.replay.rig import tap
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
BURN = """def burn(n):
    total = 0
    for i in range(n):
        total += i
    return total


"""
APP = {
    "work/restful/plain.py": BURN + "def get():\n    return burn(200_000)\n",
    "work/restful/waits.py": (
        "import asyncio\n\n\n"
        "async def pause():\n    await asyncio.sleep(0.03)\n\n\n"
        "async def get():\n    await pause()\n    return 1\n"
    ),
    "work/restful/threads.py": (
        "import time\n\nfrom tapwater import options\n\noptions(concurrency=4)\n\n\n"
        "def nap():\n    time.sleep(0.03)\n\n\n"
        "def get():\n    nap()\n    return 1\n"
    ),
    "work/restful/long.py": (
        "import time\n\n" + BURN + "def get(seconds: float):\n"
        "    until = time.monotonic() + seconds\n"
        "    while time.monotonic() < until:\n"
        "        burn(10_000)\n"
        "    return 1\n"
    ),
}


@pytest.fixture(scope="module")
def work(platform: Platform) -> Platform:
    platform.deploy(APP, "work")
    return platform


@contextmanager
def called(platform: Platform, path: str, *, count: int = 2) -> Iterator[None]:
    """Calls go on while this lasts."""
    over = threading.Event()

    def go() -> None:
        with httpx.Client(timeout=60) as client:
            while not over.is_set():
                assert client.get(platform.url + path).status_code == 200

    threads = [threading.Thread(target=go) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def profile(platform: Platform, function: str, **asked: Any) -> dict[str, Any]:
    body = {"function": function, "seconds": 1.0, **asked}
    answer = platform.api("POST", "/apps/work/profiles", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def share(found: dict[str, Any], frame: str) -> float:
    """How much of the weight has this frame in its stack."""
    with_it = [
        one["weight"]
        for one in found["stacks"]
        if any(name.startswith(f"{frame} (") for name in one["frames"])
    ]
    return sum(with_it) / found["weight"] if found["weight"] else 0.0


@pytest.mark.parametrize(
    ("function", "mode", "frame"),
    [
        ("plain", "wall", "burn"),
        ("plain", "cpu", "burn"),
        ("waits", "wall", "pause"),
        ("threads", "wall", "nap"),
    ],
)
def test_the_users_frames_are_seen(work: Platform, function: str, mode: str, frame: str) -> None:
    with called(work, f"/work-api/{function}"):
        found = profile(work, f"work/{function}", mode=mode)
    assert share(found, frame) > 0.5, found["stacks"][:3]
    first = found["stacks"][0]["frames"]
    assert first[0].startswith(f"get (work/restful/{function}.py:"), first


def test_a_call_that_runs_already_is_seen(work: Platform) -> None:
    with called(work, "/work-api/long?seconds=2.5", count=1):
        until(lambda: work.running("work/long") == 1, "the call runs")
        found = profile(work, "work/long", seconds=0.7)
    assert share(found, "burn") > 0.7, found


def test_when_it_is_over_nobody_looks(work: Platform) -> None:
    with called(work, "/work-api/plain"):
        profile(work, "work/plain", seconds=0.3)
        again = profile(work, "work/plain", seconds=0.3)
    assert 0 < again["looks"] <= 200 * again["instances"]
    assert [line for line in work.logs(app="work") if line["level"] == "platform"] == []


def test_a_function_nobody_calls_has_no_stacks(work: Platform) -> None:
    assert profile(work, "work/plain", seconds=0.1)["stacks"] == []
    answer = work.api("POST", "/apps/work/profiles", json={"function": "work/none"})
    assert answer.status_code == 404


def test_the_command_writes_all_forms(work: Platform, tmp_path: Path) -> None:
    with called(work, "/work-api/plain"):
        run = tap(work, tmp_path, "profile", "work/plain", "--seconds", "0.5")
        scope = tap(
            work, tmp_path, "profile", "work/plain", "-s", "0.5", "-f", "speedscope", "-o", "-"
        )
        picture = tap(
            work, tmp_path, "profile", "work/plain", "-s", "0.5", "-f", "svg", "-o", "flame.svg"
        )
    assert (run.returncode, scope.returncode, picture.returncode) == (0, 0, 0), run.stderr
    assert "burn (work/restful/plain.py:1)" in run.stdout
    assert "burn" in (tmp_path / "work-plain.html").read_text()
    assert json.loads(scope.stdout)["profiles"][0]["type"] == "sampled"
    assert (tmp_path / "flame.svg").read_text().startswith("<svg")
    idle = tap(work, tmp_path, "profile", "work/plain", "--seconds", "0.2")
    assert (idle.returncode, "no call of work/plain ran" in idle.stderr) == (1, True)
