"""A disk that fills while calls are counted, recorded, grouped: all sums are exact afterwards."""

from collections import Counter
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.ledger import SqliteLedger
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.meter_salvage import open_meter
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.ports.ledger import Wanted
from tapwater_server.ports.meter import Asked
from tests.functional.platform.test_disk_full import fill, small_disk
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
__all__ = ["small_disk"]  # a fixture

FILES = {
    "restful/index.py": "def get():\n    return 'hello'\n",
    "restful/bad.py": "def get():\n    raise ValueError('bad')\n",
}
FAR = 1e11  # seconds since the epoch
RECORDED = {"TAPWATER_RECORD_PAYLOADS": "1"}


async def counted(data: Path) -> tuple[Counter[str], float]:
    """The records by path, and how many calls are billed; of a platform that was stopped."""
    database = open_meter(data / "meter.db", journal=data / "journal")
    meter = SqliteMeter(database=database, clock=SystemClock())
    ledger = SqliteLedger(database=database, flush=meter.flush)
    records = await meter.records(Asked(count_max=100_000))
    (billed,) = await ledger.sums(Wanted(since=0.0, until=FAR, app="app"))
    await meter.close()
    await database.close()
    return Counter(one.path for one in records if one.app == "app"), billed.amounts["calls"]


def calls(platform: Platform, path: str, status: int, count: int) -> None:
    assert [platform.get(path).status_code for _ in range(count)] == [status] * count


async def test_what_ran_while_it_was_full_is_billed_once(small_disk: Path) -> None:
    data = small_disk / "data"
    with Platform(data, settings=RECORDED) as platform:
        platform.deploy(FILES, "app")
        calls(platform, "/", 200, 10)
        ballast = fill(small_disk)
        calls(platform, "/", 200, 200)
        calls(platform, "/bad", 500, 50)
        meter = platform.api("GET", "/top").json()["meter"]
        assert (meter["dropped"], meter["unsafe"]) == (0, 0), "there is room in the journal"
        platform.kill()  # On a full disk, with all of it in the journal alone.
        ballast.unlink()
        platform.start()
        assert platform.api("GET", "/top").json()["meter"]["lost"] == 0
        calls(platform, "/", 200, 5)
        calls(platform, "/bad", 500, 5)
        until(lambda: _faults(platform) >= 5, "errors are grouped")
        recordings = platform.api("GET", "/recordings").json()["recordings"]
        assert len(recordings) >= 5
        ballast = fill(small_disk)
        calls(platform, "/bad", 500, 30)
        ballast.unlink()
        until(lambda: _faults(platform) >= 35, "groups of errors lose no count")
        platform.stop()
        assert "Traceback" not in platform.log().split("a database can be written again")[-1]
    records, billed = await counted(data)
    assert records == {"/": 215, "/bad": 85}
    assert billed == 300


def _faults(platform: Platform) -> int:
    faults = platform.api("GET", "/faults", params={"app": "app"}).json()["faults"]
    return sum(fault["count"] for fault in faults)
