"""An app that is removed while its calls run leaves its bills, and nothing of who or what."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.functional.platform.test_disk_full_sums import counted
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

APP, EMAIL, MARK = "app", "ada.lovelace@example.com", "marked-3141592653"
FILES = {
    "restful/bad.py": (
        f"def get():\n    print('said {MARK}')\n    raise ValueError('raised {MARK}')\n"
    ),
    "restful/slow.py": (
        f"import time\n\ndef get():\n    time.sleep(4)\n    raise ValueError('late {MARK}')\n"
    ),
}
OTHERS = frozenset({"recordings.db", "seeing.db", "state.db", "data.db", "bus.db", "cache.db"})
NUMBERS = frozenset({"app"})  # The number of its last revision: none is ever given twice.


def text_columns(file: Path) -> list[tuple[str, Any]]:
    """All rows of all tables of a database."""
    connection = sqlite3.connect(file)
    tables = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    rows = [
        (table, row) for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')
    ]
    connection.close()
    return rows


async def test_nothing_is_left_but_the_bill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Platform(data, settings={"TAPWATER_RECORD_PAYLOADS": "1"}) as platform:
        platform.deploy(FILES, APP)
        rule = {"kind": "new_error", "mails": [EMAIL]}
        made = platform.api("PUT", "/alerts/news", params={"app": APP}, json=rule)
        assert made.status_code == 200, made.text
        user = {"email": EMAIL, "password": "a long and winding one"}
        platform.api("POST", f"/apps/{APP}/users", json=user).raise_for_status()
        for _ in range(3):
            assert platform.get("/bad").status_code == 500
        until(lambda: bool(_recordings(platform)), "calls are recorded")
        running = threading.Thread(target=platform.get, args=("/slow",))
        running.start()
        until(lambda: platform.running("slow") == 1, "it runs")
        platform.api("DELETE", f"/apps/{APP}").raise_for_status()
        running.join()
        assert platform.records(app=APP, limit="100") == [] or _late(platform)
        assert _recordings(platform) == []
        platform.stop()
        for file in data.glob("*.db"):
            for table, row in text_columns(file):
                said = repr(row)
                assert EMAIL not in said, f"{file.name}: {table}"
                assert MARK not in said, f"{file.name}: {table}"
                if file.name in OTHERS and table not in NUMBERS:
                    assert APP not in row, f"{file.name}: {table} {row}"
    records, billed = await counted(data)
    assert billed >= 3, "what ran is on the bill"
    assert set(records) <= {"/slow"}


def _recordings(platform: Platform) -> list[Any]:
    found: list[Any] = platform.api("GET", "/recordings").json()["recordings"]
    return found


def _late(platform: Platform) -> bool:
    """What ended after the removal is swept a minute later."""
    return [one["path"] for one in platform.records(app=APP, limit="100")] == ["/slow"]
