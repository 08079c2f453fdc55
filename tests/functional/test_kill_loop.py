"""kill -9 of the platform at random moments, again and again: what it had said yes to is kept.

Deploys and background calls go on while it is killed. After each start: every acknowledged
revision is there, an app serves one that was sent, every accepted background call ends, and
nothing of an earlier life is left in processes, control groups, mounts or the data directory.
"""

import json
import os
import random
import threading
from pathlib import Path

import httpx
import pytest

from tests.functional.running import Platform, pack
from tests.functional.waiting import children_of, until

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("TAPWATER_KILL_ROUNDS", "5"))
ECHO = "def post(body: dict):\n    return body\n"


class Client:
    """Deploys and leaves errands until the platform dies under it; remembers every yes."""

    def __init__(self, platform: Platform) -> None:
        self._url, self._token = platform.url, platform.token
        self.deployed: list[int] = []
        self.accepted: list[str] = []
        self.threads = [threading.Thread(target=one) for one in (self._deploys, self._calls)]

    def _http(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self._token}"}
        return httpx.Client(base_url=f"{self._url}/_/api/v1", headers=headers, timeout=30)

    def _deploys(self) -> None:
        with self._http() as http:
            try:
                for number in range(1000):
                    body = pack(app(f"{number}-{self._url}"))
                    said = http.post("/apps/app/deploys", content=body).text.splitlines()
                    last = json.loads(said[-1])
                    if "revision" in last:
                        self.deployed.append(last["revision"]["number"])
            except (httpx.HTTPError, json.JSONDecodeError, IndexError):
                return  # It has been killed.

    def _calls(self) -> None:
        with self._http() as http:
            try:
                for number in range(100_000):
                    asked = {"data": {"n": number}, "background": True}
                    answer = http.post("/apps/app/call/echo", json=asked)
                    if answer.status_code == 202:
                        self.accepted.append(answer.json()["id"])
            except (httpx.HTTPError, json.JSONDecodeError):
                return


def app(version: str) -> dict[str, str | bytes]:
    hello = f"def get():\n    return {version!r}\n"
    return {"restful/hello.py": hello, "restful/echo.py": ECHO}


def groups_of(pid: int) -> list[str]:
    """The control groups that carry a platform's pid in their name."""
    return [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/*tapwater*{pid}*")]


def test_killed_at_any_moment_it_keeps_its_word(own_platform: Platform, seed: int) -> None:
    platform = own_platform
    chance = random.Random(seed)
    platform.deploy(app("first"), "app")
    deployed: set[int] = set()
    accepted: list[str] = []
    for _ in range(ROUNDS):
        client = Client(platform)
        enough = chance.randrange(1, 60)
        for thread in client.threads:
            thread.start()
        until(lambda n=enough, c=client: len(c.accepted) >= n, "calls are accepted")  # type: ignore[misc]
        pid = platform.process.pid  # type: ignore[union-attr]
        family = children_of(pid)
        platform.kill()
        for thread in client.threads:
            thread.join()
        deployed |= set(client.deployed)
        accepted += client.accepted
        until(lambda f=family: not any(Path(f"/proc/{p}").exists() for p in f), "its family ends")  # type: ignore[misc]
        platform.start()
        check(platform, deployed, pid)
    until(lambda: all(ended(platform, id) for id in accepted[-200:]), "every errand is done")


def check(platform: Platform, deployed: set[int], dead: int) -> None:
    assert platform.get("/hello").status_code == 200
    listed = platform.api("GET", "/apps/app/revisions").json()["revisions"]
    there = {one["number"] for one in listed}
    kept = {number for number in deployed if number > max(there) - 40}  # older ones are pruned
    assert kept <= there
    assert groups_of(dead) == []
    mounts = Path("/proc/self/mountinfo").read_text()
    assert str(platform.data) not in mounts
    assert [path for path in platform.data.rglob("*") if ".tmp" in path.name] == []
    scratch = platform.data / "scratch"
    assert not scratch.exists() or not [p for p in scratch.iterdir() if p.is_file()]


def ended(platform: Platform, id: str) -> bool:
    return bool(platform.api("GET", f"/background/{id}").json()["state"] in ("done", "dead"))


@pytest.fixture(params=[20261121])
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)
