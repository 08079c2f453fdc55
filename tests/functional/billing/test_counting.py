"""What apps use is on the bill, each once: of functions with their calls, of clients at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.running import Platform
from tests.functional.waiting import wait_until

APP = {
    "orders/restful/take.py": '''
from tapwater import blobs, db

def get(n: int = 1):
    for number in range(n):
        db.put(f"orders/{number}", {"n": number})
    found = db.get("orders/0")
    db.delete("orders/0")
    return found
''',
    "orders/restful/nothing.py": '''
def get():
    return "nothing"
''',
}
ROOM = {"rules.toml": ""}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("billing") / "data") as platform:
        platform.deploy(APP, "shop")
        yield platform


def used(platform: Platform, **query: str) -> dict[tuple[str, ...], dict[str, Any]]:
    bill = platform.api("GET", "/bills", params=query).json()
    return {tuple(line["key"]): line["used"] for line in bill["lines"]}


def wait_calls(platform: Platform, app: str, function: str, calls: int) -> dict[str, Any]:
    def there() -> dict[str, Any] | None:
        line = used(platform, app=app).get((app, function))
        return line if line and line.get("calls", 0) >= calls else None

    return wait_until(there)


def test_what_a_function_uses_is_on_its_line(shop: Platform) -> None:
    for _ in range(3):
        assert shop.get("/orders-api/take?n=5").status_code == 200
    line = wait_calls(shop, "shop", "orders/take", 3)
    assert line["calls"] == 3
    assert (line["doc_writes"], line["doc_reads"], line["doc_deletes"]) == (15, 3, 3)
