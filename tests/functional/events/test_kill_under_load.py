"""SIGKILL of the whole platform, again and again, while events and documents come in over HTTP."""

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.functional.events.seeing import STRUCTURED
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

APP = "load"
KILLS = 4
ACCEPTED_PER_LIFE = 60  # Of each kind, before the next kill.
AGAIN_S_MAX = 10.0
TOLD_S_MAX = 60.0
# One attempt is all they have: a kill must not use it up.
# A document is what a function leaves behind for the test: it is durable before the function ends.
FILES = {
    "reactive/told.py": """
from tapwater import docs, on, options

options(concurrency=8)

@on.event(type="load.happened", source="/events", retries=0)
def told(event):
    docs.set(f"told/{event.data['n']}", {"n": event.data["n"]})
""",
    "reactive/written.py": """
from tapwater import docs, on, options

options(concurrency=8)

@on.document_created("orders/{id}", retries=0)
def written(event, id):
    docs.set(f"seen/{id}", {"id": id})
""",
}


class Client(threading.Thread):
    """Sends until it is stopped, to whichever life of the platform answers; notes what was
    acknowledged."""

    def __init__(self, name: str, send: Callable[[httpx.Client, str], httpx.Response]) -> None:
        super().__init__(name=name)
        self._send = send
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self.stopped = False
        self._number = 0

    def run(self) -> None:
        """Never send one number twice: what was not acknowledged may be there or not."""
        with httpx.Client(timeout=10.0) as http:
            while not self.stopped:
                self._number += 1
                what = f"{self.name}-{self._number}"
                try:
                    answer = self._send(http, what)
                except httpx.TransportError:
                    continue
                if answer.is_success:
                    self.acknowledged.append(what)
                else:
                    self.refused.append(f"{answer.status_code} {answer.text[:200]}")


def test_every_accepted_event_is_told_and_every_write_is_there(tmp_path: Path) -> None:
    with Platform(tmp_path / "data") as platform:
        platform.deploy(FILES, APP)
        port, token = platform.port, platform.token
        where = f"{platform.url}/_/api/v1/apps/{APP}"
        authorized = {"authorization": f"Bearer {token}"}

        def publish(http: httpx.Client, what: str) -> httpx.Response:
            said = {"specversion": "1.0", "type": "load.happened", "source": "/events", "id": what}
            return http.post(
                f"{where}/events",
                json={**said, "data": {"n": what}},
                headers={**authorized, **STRUCTURED},
            )

        def write(http: httpx.Client, what: str) -> httpx.Response:
            return http.put(f"{where}/docs/orders/{what}", json={"n": what}, headers=authorized)

        publishers = [Client(f"p{n}", publish) for n in range(2)]
        writers = [Client(f"w{n}", write) for n in range(2)]
        clients = [*publishers, *writers]
        for client in clients:
            client.start()
        try:
            for _ in range(KILLS):
                _wait_accepted(publishers)
                _wait_accepted(writers)
                platform.kill()
                platform.start(port=port)
        finally:
            for client in clients:
                client.stopped = True
            for client in clients:
                client.join()
        published = {what for client in publishers for what in client.acknowledged}
        wrote = {what for client in writers for what in client.acknowledged}
        assert len(published) >= KILLS * ACCEPTED_PER_LIFE
        refused = [why for client in clients for why in client.refused]
        assert not [why for why in refused if not why.startswith("503")], "only: not yet"
        assert wrote <= _names(platform, "orders"), "an acknowledged write is lost"
        until(
            lambda: wrote <= _names(platform, "seen"), "each write is told of", seconds=TOLD_S_MAX
        )
        until(
            lambda: published <= _names(platform, "told"), "each event is told", seconds=TOLD_S_MAX
        )
        until(lambda: _is_quiet(platform), "all lines are quiet")
        dead = platform.api("GET", f"/apps/{APP}/events/dead").json()["deliveries"]
        assert dead == [], "a kill is no fault of the functions'"


def _wait_accepted(clients: list[Client]) -> None:
    before = sum(len(client.acknowledged) for client in clients)
    until(
        lambda: sum(len(one.acknowledged) for one in clients) >= before + ACCEPTED_PER_LIFE,
        "more is accepted",
        seconds=AGAIN_S_MAX,
    )


def _is_quiet(platform: Platform) -> bool:
    """No line has anything left to do."""
    lines = platform.api("GET", f"/apps/{APP}/events/lines").json()["lines"]
    return not any(one["waiting"] + one["delayed"] + one["leased"] for one in lines)


def _names(platform: Platform, collection: str) -> set[str]:
    """The ids of all documents of a collection."""
    found: set[str] = set()
    query: dict[str, str] = {"limit": "200"}
    while True:
        page = platform.api("GET", f"/apps/{APP}/docs/{collection}", params=query).json()
        found |= {one["path"].rpartition("/")[2] for one in page["documents"]}
        if not page["after"]:
            return found
        query["after"] = page["after"]
