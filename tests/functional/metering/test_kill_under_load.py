"""SIGKILL of the whole platform under load: what was answered is billed once, never twice."""

import json
import os
import subprocess
import sys
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
WRITERS = 2  # who write documents without any function between
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


class Writer(threading.Thread):
    """Writes a document of its own each time; remembers which were taken."""

    def __init__(self, name: str, url: str, token: str) -> None:
        super().__init__(name=name)
        self._url, self._token = url, token
        self.answered: list[str] = []
        self.stopped = False

    def run(self) -> None:
        number = 0
        headers = {"authorization": f"Bearer {self._token}"}
        with httpx.Client(base_url=self._url, timeout=10.0, headers=headers) as http:
            while not self.stopped:
                number += 1
                id = f"{self.name}-{number}"
                try:
                    answer = http.put(f"/_/api/v1/apps/{APP}/docs/direct/{id}", json={"n": number})
                except httpx.TransportError:
                    continue
                if answer.is_success:
                    self.answered.append(id)


@contextmanager
def _load(platform: Platform) -> Iterator[tuple[list[Client], list[Writer]]]:
    clients = [Client(f"c{n}", platform.url, "wrote" if n % 2 else "plain") for n in range(CLIENTS)]
    writers = [Writer(f"w{n}", platform.url, platform.token) for n in range(WRITERS)]
    all: list[Client | Writer] = [*clients, *writers]
    for one in all:
        one.start()
    try:
        yield clients, writers
    finally:
        for one in all:
            one.stopped = True
        for one in all:
            one.join()


async def test_what_was_answered_is_billed_exactly_once(tmp_path: Path) -> None:
    with Platform(tmp_path / "data") as platform:
        platform.deploy(FILES, APP)
        with _load(platform) as (clients, writers):
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
        bill, kept = _bill(platform), _documents(platform)
        shown = _shown(platform)
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
    # The bill that people see has the same calls, and each call's document once.
    of = Counter(record.function for record in records if record.status == 200)
    assert bill["plain/[n]"]["calls"] + bill["wrote/[n]"]["calls"] == billed["calls"]
    assert bill["wrote/[n]"]["doc_writes"] >= of["wrote/[n]"]
    assert bill["wrote/[n]"]["doc_writes"] <= kept["seen"], "a document is billed twice"
    # Documents that nobody's function wrote: what was taken is billed, and what is billed is there.
    taken = sum(len(one.answered) for one in writers)
    assert taken > 0
    assert taken <= bill[""]["doc_writes"] <= kept["direct"]
    assert shown == f"{int(billed['calls']):,}"


def _bill(platform: Platform) -> dict[str, dict[str, float]]:
    """What each function's line of the month has used; "" is what none used."""
    answer = platform.api("GET", "/bills", params={"app": APP, "by": "function"})
    assert answer.status_code == 200, answer.text
    return {line["key"][0]: line["used"] for line in answer.json()["lines"]}


def _documents(platform: Platform) -> dict[str, int]:
    exported = platform.api("GET", f"/apps/{APP}/docs-export").text.splitlines()
    return Counter(json.loads(line)["path"].partition("/")[0] for line in exported)


def _shown(platform: Platform) -> str:
    """The calls that `tapwater bill --by app` shows in a terminal."""
    ran = subprocess.run(
        [sys.executable, "-m", "tapwater_server", "bill", "--by", "app"],
        env={**os.environ, "TAPWATER_URL": platform.url, "TAPWATER_TOKEN": platform.token},
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = [line for line in ran.stdout.splitlines() if line.startswith(APP)]
    return line.split()[1]


async def _stored(data: Path) -> tuple[list[Record], dict[str, float]]:
    """Read all records, and the sums of what functions used."""
    database = Database(data / "meter.db", schema="meter")
    meter = SqliteMeter(database=database, clock=SystemClock())
    ledger = SqliteLedger(database=database, flush=meter.flush)
    records = await meter.records(Asked(count_max=RECORDS_MAX))
    sums = await ledger.sums(Wanted(since=0.0, until=FAR, app=APP, by=("function",)))
    await meter.close()
    await database.close()
    billed: Counter[str] = Counter()
    for each in sums:
        if each.key != ("",):
            billed.update(dict(each.amounts))
    return list(records), dict(billed)
