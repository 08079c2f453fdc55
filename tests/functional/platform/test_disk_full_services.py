"""A full disk under all services: each says so, keeps nothing by halves, and goes on afterwards."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.functional.platform.test_disk_full import fill, small_disk
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
__all__ = ["small_disk"]  # a fixture

APP = "shop"
WRITES_MAX = 3_000  # Until the room SQLite had taken before is used up.
NOISE = "x" * 3_000
FILES = {
    "reactive/beat.py": (
        "from tapwater import on, queues\n\n\n"
        "@on.schedule('every 1s')\ndef beat(event):\n    queues.send('beats', 1)\n"
    ),
    "reactive/told.py": (
        "from tapwater import on, queues\n\n\n"
        "@on.event(type='shop.sold')\ndef told(event):\n"
        "    queues.send('told', event.data['n'])\n"
    ),
}
Write = Callable[[Platform, str], httpx.Response]


def _documents(platform: Platform, n: str) -> httpx.Response:
    return platform.api("PUT", f"/apps/{APP}/docs/things/{n}", json={"n": n, "noise": NOISE})


def _events(platform: Platform, n: str) -> httpx.Response:
    said = {"specversion": "1.0", "type": "shop.sold", "source": "/till", "id": n}
    return platform.api(
        "POST",
        f"/apps/{APP}/events",
        json={**said, "data": {"n": n, "noise": NOISE}},
        headers={"content-type": "application/cloudevents+json"},
    )


def _queues(platform: Platform, n: str) -> httpx.Response:
    said = {"messages": [{"body": {"n": n, "noise": NOISE}}]}
    return platform.api("POST", f"/apps/{APP}/queues/jobs/messages", json=said)


def _blobs(platform: Platform, n: str) -> httpx.Response:
    return platform.api("PUT", f"/apps/{APP}/blobs/things/{n}", content=NOISE.encode())


def _users(platform: Platform, n: str) -> httpx.Response:
    said = {"email": f"{n}@example.com", "claims": {"noise": NOISE[:1000]}}
    return platform.api("POST", f"/apps/{APP}/users", json=said)


def _mail(platform: Platform, n: str) -> httpx.Response:
    said = {"to": ["a@example.com"], "subject": n, "text": NOISE}
    return platform.api("POST", f"/apps/{APP}/mail", json=said)


def _cache(platform: Platform, n: str) -> httpx.Response:
    return platform.api("PUT", f"/apps/{APP}/cache/{n}", json={"value": NOISE})


def _secrets(platform: Platform, n: str) -> httpx.Response:
    return platform.api("PUT", f"/apps/{APP}/secrets/S{n.upper()}", json={"value": NOISE})


def _schedules(platform: Platform, n: str) -> httpx.Response:
    said = {"times": "0 0 1 1 *", "target": "queue:later", "payload": NOISE}
    return platform.api("PUT", f"/apps/{APP}/schedules/{n}", json=said)


WRITES: dict[str, Write] = {
    "documents": _documents,
    "events": _events,
    "queues": _queues,
    "blobs": _blobs,
    "users": _users,
    "mail": _mail,
    "cache": _cache,
    "secrets": _secrets,
    "schedules": _schedules,
}


def _refused(platform: Platform, name: str) -> tuple[int, httpx.Response]:
    """Write until it is refused; say how many were taken while the disk was full."""
    for number in range(WRITES_MAX):
        answer = WRITES[name](platform, f"{name}{number}")
        if not answer.is_success:
            return number, answer
    raise AssertionError(f"{name} takes more than there is room for")


@pytest.fixture
def filled(small_disk: Any) -> Iterator[tuple[Platform, Callable[[], None]]]:
    with Platform(small_disk / "data") as platform:
        platform.deploy(FILES, APP)
        for name, write in WRITES.items():
            answer = write(platform, f"{name}before")
            assert answer.is_success, f"{name}: {answer.text}"
        ballast = fill(small_disk)
        yield platform, ballast.unlink


def test_every_service_says_so_and_goes_on(
    filled: tuple[Platform, Callable[[], None]],
) -> None:
    platform, make_room = filled
    taken: dict[str, int] = {}
    for name in WRITES:
        taken[name], answer = _refused(platform, name)
        assert answer.status_code in {503, 507}, f"{name}: {answer.status_code} {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json", name
        assert answer.json()["code"] in {"storage_full", "overloaded"}, name
    assert platform.api("GET", f"/apps/{APP}/docs/things/documentsbefore").status_code == 200
    for name in ("documents", "blobs"):
        refused = f"{name}{taken[name]}"
        where = "docs" if name == "documents" else "blobs"
        assert platform.api("GET", f"/apps/{APP}/{where}/things/{refused}").status_code == 404

    make_room()
    for name, write in WRITES.items():
        until(lambda w=write, n=name: w(platform, f"{n}after").is_success, f"{name} again")  # type: ignore[misc]
    wanted = {"eventsbefore", "eventsafter", *(f"events{n}" for n in range(taken["events"]))}
    seen: set[str] = set()
    until(lambda: _told(platform, seen) >= wanted, "each event that was taken is told", seconds=60)
    until(lambda: _quiet(platform), "all lines are quiet", seconds=60)
    dead = platform.api("GET", f"/apps/{APP}/events/dead").json()["deliveries"]
    assert dead == []
    before = _beats(platform)
    until(lambda: _beats(platform) > before, "the clock ticks on")
    assert "a loop ended" not in platform.log()


def _told(platform: Platform, seen: set[str]) -> set[str]:
    """What the function has told the queue so far."""
    path = f"/apps/{APP}/queues/told"
    said = platform.api("POST", f"{path}/receive", json={"count": 100}).json()["messages"]
    if said:
        seen.update(one["text"] for one in said)
        receipts = {"receipts": [one["receipt"] for one in said]}
        platform.api("POST", f"{path}/delete", json=receipts).raise_for_status()
    return seen


def _quiet(platform: Platform) -> bool:
    lines = platform.api("GET", f"/apps/{APP}/events/lines").json()["lines"]
    ours = [one for one in lines if one["function"] == "told"]
    return not any(one["waiting"] + one["delayed"] + one["leased"] for one in ours)


def _beats(platform: Platform) -> int:
    lines = platform.api("GET", f"/apps/{APP}/events/lines").json()["lines"]
    return sum(int(one["waiting"]) for one in lines if one["queue"] == "beats")
