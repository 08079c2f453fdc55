"""Requests with an Idempotency-Key on a real platform, also one that is killed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

RUNS = """
from tapwater import cache, options
options(idempotent=True, timeout="60s")

def runs() -> int:
    return int(cache.increment("runs"))
"""
FILES = {
    "restful/pay.py": RUNS
    + """
from dataclasses import dataclass

@dataclass
class Order:
    amount: int
    note: str = ""

def post(order: Order):
    if order.amount < 0:
        raise ValueError("less than nothing")
    return {"run": runs(), "amount": order.amount}
""",
    "restful/waits.py": RUNS
    + """
import time

def post():
    run = runs()
    while cache.get("go") is None:
        time.sleep(0.01)
    return {"run": run}
""",
    "restful/streams.py": RUNS
    + """
def post():
    yield str(runs())
""",
    "restful/plain.py": RUNS.replace("idempotent=True, ", "")
    + """
def post():
    return {"run": runs()}
""",
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Platform]:
    with Platform(tmp_path / "data") as platform:
        platform.deploy(FILES, "shop")
        yield platform


def ask(shop: Platform, path: str, key: str = "k", **options: Any) -> httpx.Response:
    return shop.visit("shop", path, method="POST", headers={"idempotency-key": key}, **options)


def runs(shop: Platform) -> int:
    found = shop.api("GET", "/apps/shop/cache/runs")
    return int(found.json()["value"]) if found.status_code == 200 else 0


def test_a_repeat_gets_the_same_answer_also_after_a_kill(shop: Platform) -> None:
    first = ask(shop, "/pay", json={"amount": 7})
    assert (first.status_code, first.json()) == (200, {"run": 1, "amount": 7})
    assert "idempotent-replayed" not in first.headers
    port = shop.port
    shop.kill()
    shop.start(port=port)
    again = ask(shop, "/pay", '"k"', json={"amount": 7})
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    other = ask(shop, "/pay", json={"amount": 8})
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert ask(shop, "/pay", "l", json={"amount": 8}).json()["run"] == 2
    assert ask(shop, "/pay", "m", json={"amount": -1}).status_code == 500
    assert ask(shop, "/pay", "m", json={"amount": -1}).status_code == 500  # Run, not repeated.
    refused = ask(shop, "/pay", "n", json={"amount": "x"})
    assert refused.status_code == 422
    assert ask(shop, "/pay", "n", json={"amount": "x"}).json() == refused.json()
    large = b'{"amount": 1, "note": "' + b"x" * 300_000 + b'"}'
    headers = {"idempotency-key": "o", "content-type": "application/json"}
    for replayed in (None, "true"):
        said = shop.visit("shop", "/pay", method="POST", content=large, headers=headers)
        assert said.json()["run"] == 3
        assert said.headers.get("idempotent-replayed") == replayed


def test_a_stream_is_not_kept_and_a_function_without_it_runs_each_time(shop: Platform) -> None:
    streamed = ask(shop, "/streams")
    assert (streamed.text, streamed.headers["idempotent-kept"]) == ("1", "false")
    until(lambda: ask(shop, "/streams").status_code == 200, "the key of the stream is free")
    before = runs(shop)
    assert [ask(shop, "/plain").json()["run"] for _ in range(2)] == [before + 1, before + 2]


def test_while_the_first_runs_it_is_a_conflict_and_who_left_finds_the_answer(
    shop: Platform,
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        ask(shop, "/waits", timeout=0.5)
    until(lambda: runs(shop) == 1, "the function runs")
    busy = ask(shop, "/waits")
    assert (busy.status_code, busy.json()["code"]) == (409, "conflict")
    assert busy.headers["retry-after"] == "1"
    shop.api("PUT", "/apps/shop/cache/go", json={"value": 1})
    until(lambda: ask(shop, "/waits").status_code == 200, "the answer is there")
    again = ask(shop, "/waits")
    assert (again.json(), again.headers["idempotent-replayed"]) == ({"run": 1}, "true")


def test_killed_while_it_runs_the_repeat_runs_again(shop: Platform) -> None:
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(ask, shop, "/waits")
        until(lambda: runs(shop) == 1, "the function runs")
        port = shop.port
        shop.kill()
        with pytest.raises(httpx.HTTPError):
            lost.result()
    shop.start(port=port)
    shop.api("PUT", "/apps/shop/cache/go", json={"value": 1})
    assert ask(shop, "/waits").json() == {"run": 2}
    assert ask(shop, "/waits").json() == {"run": 2}
