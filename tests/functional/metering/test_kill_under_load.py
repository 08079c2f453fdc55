"""SIGKILL of the whole platform under load: what was answered is billed once, never twice."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.ledger import SqliteLedger
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.model.usage import amounts
from tapwater_server.ports.ledger import Wanted
from tapwater_server.ports.meter import Asked, Record
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

APP = "load"
LIVES = 5
ANSWERED_PER_LIFE = 300
CLIENTS = 4
RECORDS_MAX = 1_000_000
FAR = 1e11  # seconds since the epoch
FILES = {
    "restful/plain/[n].py": "def get(n):\n    return {'n': n}\n",
    "restful/wrote/[n].py": """
from tapwater import docs, options

options(concurrency=8)

def get(n):
    docs.set(f"seen/{n}", {"n": n})
    return {"n": n}
""",
}


class Client(threading.Thread):
    """Asks for a path of its own each time; remembers which were answered."""

    def __init__(self, name: str, url: str, folder: str) -> None:
        super().__init__(name=name)
        self._url, self._folder = url, folder
        self.answered: list[str] = []
        self.refused: list[str] = []
        self.stopped = False

    def run(self) -> None:
        number = 0
        with httpx.Client(base_url=self._url, timeout=10.0) as http:
            while not self.stopped:
                number += 1
                path = f"/{self._folder}/{self.name}-{number}"
                try:
                    answer = http.get(path)
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    self.answered.append(path)
                else:
                    self.refused.append(f"{answer.status_code} {answer.text[:200]}")


@contextmanager
def _load(platform: Platform) -> Iterator[list[Client]]:
    clients = [Client(f"c{n}", platform.url, "wrote" if n % 2 else "plain") for n in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stopped = True
        for client in clients:
            client.join()


async def test_what_was_answered_is_billed_exactly_once(tmp_path: Path) -> None:
    with Platform(tmp_path / "data") as platform:
        platform.deploy(FILES, APP)
        with _load(platform) as clients:
            for _ in range(LIVES):
                wanted = sum(len(one.answered) for one in clients) + ANSWERED_PER_LIFE
                until(
                    lambda wanted=wanted: sum(len(one.answered) for one in clients) >= wanted,  # type: ignore[misc]
                    "calls are answered",
                    seconds=60.0,
                )
                port = platform.port
                platform.kill()
                platform.start(port=port)
        refused = [why for client in clients for why in client.refused]
        assert not [why for why in refused if not why.startswith("503")], "only: not yet"
        platform.stop()
    answered = Counter(path for client in clients for path in client.answered)
    records, billed = await _stored(tmp_path / "data")
    noted = Counter(record.path for record in records)
    assert not answered - noted, "a call that was answered left no record"
    assert max(noted.values()) == 1, "a call left two records"
    expected: Counter[str] = Counter()
    for record in records:
        expected.update(amounts(record))
    assert billed == pytest.approx(dict(expected), rel=1e-6)
    assert billed["calls"] >= sum(answered.values()) >= LIVES * ANSWERED_PER_LIFE


async def _stored(data: Path) -> tuple[list[Record], dict[str, float]]:
    """Read all records, and the one sum of all."""
    database = Database(data / "meter.db", schema="meter")
    meter = SqliteMeter(database=database, clock=SystemClock())
    ledger = SqliteLedger(database=database, flush=meter.flush)
    records = await meter.records(Asked(count_max=RECORDS_MAX))
    (billed,) = await ledger.sums(Wanted(since=0.0, until=FAR, app=APP))
    await meter.close()
    await database.close()
    return list(records), dict(billed.amounts)
