"""kill -9 of any process at any moment: what was acknowledged is there, and it serves again."""

import json
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.functional.running import Platform, pack
from tests.functional.waiting import children_of, until

pytestmark = pytest.mark.slow

APP = {
    "tapwater.toml": 'name = "app"\n',
    "group/restful/hello.py": "def get():\n    return 'hello'\n",
    "group/restful/slow.py": (
        "import time\n\ndef get(seconds: float):\n    time.sleep(seconds)\n    return 'slept'\n"
    ),
    "group/restful/echo.py": "def post(body: dict):\n    return body\n",
}


def test_killed_and_started_again_it_serves_what_was_there(own_platform: Platform) -> None:
    platform = own_platform
    platform.deploy(APP, "app")
    platform.api("PUT", "/apps/app/secrets/KEY", json={"value": "v"}).raise_for_status()
    token = platform.token
    family = children_of(platform.process.pid)  # type: ignore[union-attr]
    platform.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), "its children end")
    platform.start()
    assert platform.token == token
    assert platform.get("/group-api/hello").text == "hello"
    assert platform.api("GET", "/apps/app/secrets").json()["secrets"] == ["KEY"]


@pytest.mark.parametrize("victim", ["base zygote", "function zygote", "instance"])
def test_any_child_killed_is_replaced(own_platform: Platform, victim: str) -> None:
    platform = own_platform
    platform.deploy(APP, "app")
    assert platform.get("/group-api/hello").text == "hello"
    generations = children_of(platform.process.pid, by_depth=True)  # type: ignore[union-attr]
    depth = {"base zygote": 1, "function zygote": 2, "instance": 3}[victim]
    victims = generations.get(depth) or generations[max(generations)]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    until(lambda: platform.get("/group-api/hello").text == "hello", "it answers again")


def test_an_accepted_background_call_survives(own_platform: Platform) -> None:
    platform = own_platform
    platform.deploy(APP, "app")
    accepted = platform.api(
        "POST", "/apps/app/call/group/echo", json={"data": {"n": 7}, "background": True}
    )
    assert accepted.status_code == 202
    id = accepted.json()["id"]
    platform.kill()
    platform.start()

    def done() -> bool:
        return bool(platform.api("GET", f"/background/{id}").json()["state"] == "done")

    until(done, "the background call is done")
    result = platform.api("GET", f"/background/{id}").json()["result"]
    assert json.loads(result["body"]) == {"n": 7}


def test_killed_while_many_ask_it_serves_again_and_knows_what_it_said(
    own_platform: Platform,
) -> None:
    """What was answered before the kill has its record, as far as it was written; none twice."""
    platform = own_platform
    platform.deploy(APP, "app")
    port, told, enough = platform.port, Counter[str](), threading.Event()

    def ask_until_killed() -> None:
        with httpx.Client(timeout=60) as client:
            while True:
                try:
                    answer = client.get(f"http://127.0.0.1:{port}/group-api/hello")
                except httpx.HTTPError:
                    return
                assert (answer.status_code, answer.text) == (200, "hello")
                told[answer.headers["tapwater-invocation"]] += 1
                if len(told) > 500:
                    enough.set()

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask_until_killed) for _ in range(4)]
        assert enough.wait(60)
        platform.kill()
        for one in asking:
            one.result()
    assert set(told.values()) == {1}
    platform.start(port=port)
    assert platform.get("/group-api/hello").text == "hello"
    written = Counter(record["id"] for record in platform.records(limit="10000"))
    assert written.total() > 0
    assert set(written.values()) == {1}


def test_killed_in_the_middle_of_a_deploy_the_old_revision_serves(own_platform: Platform) -> None:
    """The module of the new revision never finishes importing; the platform dies meanwhile."""
    platform = own_platform
    platform.deploy(APP, "app")
    stuck = {**APP, "group/restful/stuck.py": "import time\ntime.sleep(600)\n\ndef get(): ...\n"}
    with platform.http.stream(
        "POST",
        f"{platform.url}/_/api/v1/apps/app/deploys",
        content=pack(stuck),
        headers={"authorization": f"Bearer {platform.token}"},
    ) as response:
        next(response.iter_lines())
        platform.kill()
    platform.start()
    assert platform.get("/group-api/hello").text == "hello"
    assert platform.get("/group-api/stuck").status_code == 404
    assert len(platform.api("GET", "/apps/app/revisions").json()["revisions"]) == 1
    leftovers = [path for path in platform.data.rglob("*") if ".tmp" in path.name]
    assert leftovers == []


def test_a_graceful_stop_drops_nobody(own_platform: Platform) -> None:
    platform = own_platform
    platform.deploy(APP, "app")
    assert platform.get("/group-api/hello").text == "hello"
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(platform.get, "/group-api/slow?seconds=1") for _ in range(4)]
        until(lambda: platform.running("group/slow") == 4, "four calls run")
        assert platform.stop() == 0
        assert [one.result().text for one in waiting] == ["slept"] * 4
