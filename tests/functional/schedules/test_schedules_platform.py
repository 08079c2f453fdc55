"""Schedules on a real platform: files that tick, schedules of the API, kill -9 between ticks."""

from typing import Any

import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until

APP = {
    "jobs/reactive/beat.py": (
        "from tapwater import on, queues\n\n\n"
        "@on.schedule('every 1s', overlap='allow')\n"
        "def beat(event):\n"
        "    queues.send('beats', event.data)\n"
    ),
    "jobs/reactive/told.py": (
        "from tapwater import on, queues\n\n\n"
        "@on.message('told')\n"
        "def told(event):\n"
        "    queues.send('heard', [event.data, event.type])\n"
    ),
    "jobs/reactive/news.py": (
        "from tapwater import on, queues\n\n\n"
        "@on.topic('news')\n"
        "def news(event):\n"
        "    queues.send('heard', ['news', event.data, event.extensions.get('shop')])\n"
    ),
}


def take(platform: Platform, queue: str) -> list[Any]:
    """Receive and delete what there is; wait for the first."""
    path = f"/apps/shop/queues/{queue}"
    asked = {"count": 100, "wait_s": 10}
    said = platform.api("POST", f"{path}/receive", json=asked).json()["messages"]
    if said:
        receipts = {"receipts": [one["receipt"] for one in said]}
        platform.api("POST", f"{path}/delete", json=receipts).raise_for_status()
    return [one["body"] for one in said]


def gather(platform: Platform, queue: str, count: int) -> list[Any]:
    found: list[Any] = []

    def enough() -> bool:
        found.extend(take(platform, queue))
        return len(found) >= count

    until(enough, f"{count} messages in {queue}")
    return found


@pytest.mark.slow
def test_ticks_messages_and_topics_reach_functions(platform: Platform) -> None:
    platform.deploy(APP, "shop")
    dues = [beat["due"] for beat in gather(platform, "beats", 3)]
    assert len(set(dues)) == len(dues)
    made = {"times": "every 1s", "target": "queue:told", "payload": {"a": 1}}
    platform.api("PUT", "/apps/shop/schedules/soon", json=made).raise_for_status()
    platform.api("POST", "/apps/shop/schedules/soon/run").raise_for_status()
    assert gather(platform, "heard", 1)[0] == [{"a": 1}, "tapwater.queue.message"]
    platform.api("DELETE", "/apps/shop/schedules/soon").raise_for_status()
    message = {"body": {"n": 7}, "attributes": {"shop": "x"}}
    sent = platform.api("POST", "/apps/shop/topics/news", json={"messages": [message]})
    assert sent.status_code == 200
    until(lambda: ["news", {"n": 7}, "x"] in take(platform, "heard"), "the topic's message")


@pytest.mark.slow
def test_never_twice_for_one_tick_and_none_lost_by_kill_9(own_platform: Platform) -> None:
    own_platform.deploy({"hello.py": "def get():\n    return 1\n"}, "shop")
    made = {"times": "every 1s", "target": "queue:beats", "missed": "all"}
    own_platform.api("PUT", "/apps/shop/schedules/beat", json=made).raise_for_status()

    def waiting() -> int:
        stats = own_platform.api("GET", "/apps/shop/queues/beats").json()["stats"]
        return int(stats["waiting"]) if stats else 0

    for _ in range(3):
        before = waiting()
        until(lambda before=before: waiting() > before, "a tick")  # type: ignore[misc]
        own_platform.kill()
        own_platform.start()
    own_platform.api("POST", "/apps/shop/schedules/beat/pause").raise_for_status()
    path = "/apps/shop/queues/beats/messages?limit=1000"
    listed = own_platform.api("GET", path).json()["messages"]
    dues = sorted(int(one["id"].rpartition(".")[2]) for one in listed)
    assert dues == list(range(dues[0], dues[-1] + 1))
