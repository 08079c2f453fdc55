"""What apps use is on the bill, each once: of functions with their calls, of clients at once."""

import asyncio
import json
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tapwater_server.model.usage import SERVICES
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

TAKE = """
from tapwater import blobs, docs


def get(n: int = 1):
    for number in range(n):
        docs.set(f"orders/{number}", {"n": number})
    found = docs.get("orders/0").data
    docs.delete("orders/0")
    blobs.put("files/a.txt", b"hello")
    return found
"""
ALL = """
from tapwater import blobs, cache, docs, events, mail, mqtt, queues


def post():
    list(docs.query("things").where("n", ">", 1))
    with docs.batch() as batch:
        batch.set("things/1", {"n": 1})
        batch.set("things/2", {"n": 2})
        batch.delete("things/3")
    cache.set("a", 1)
    cache.get("a")
    cache.get_many(["a", "b"])
    queues.send_many("work", [{"n": 1}, {"n": 2}])
    queues.delete_many("work", list(queues.receive("work", count=2)))
    events.publish("shop.sold", {"n": 1})
    mail.send(to="ann@example.com", subject="Hello", text="Hello")
    mqtt.publish("a/b", "hello")
    blobs.put("files/a", b"12345")
    return len(blobs.get("files/a"))
"""
OUT = """
import socket

from tapwater import options

options(egress=["127.0.0.1:PORT"])


def get(size: int):
    with socket.create_connection(("127.0.0.1", PORT)) as conn:
        conn.sendall(b"x" * size)
        conn.shutdown(socket.SHUT_WR)
        return conn.recv(100).decode()
"""
COSTS = """
from tapwater import docs, options

options(cost_header=True)


def get(stream: bool = False):
    docs.set("looks/1", {"n": 1})
    if stream:
        return (part for part in ["a", "b"])
    return "a"
"""


class _Counting(socketserver.StreamRequestHandler):
    """Says how many bytes it got."""

    def handle(self) -> None:
        self.wfile.write(str(len(self.rfile.read())).encode())


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """A server out in the world: its port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Counting) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server.server_address[1]
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def shop(platform: Platform, elsewhere: int) -> Platform:
    files = {
        "orders/restful/take.py": TAKE,
        "orders/restful/all.py": ALL,
        "orders/restful/out.py": OUT.replace("PORT", str(elsewhere)),
        "orders/restful/costs.py": COSTS,
    }
    platform.deploy(files, "shop")
    platform.deploy({"hello.py": "def get():\n    return 1\n"}, "blog")
    return platform


def used(platform: Platform, app: str, function: str = "") -> dict[str, Any]:
    """What a line of this month's bill says was used."""
    bill = platform.api("GET", "/bills")
    assert bill.status_code == 200, bill.text
    lines: dict[tuple[str, ...], dict[str, Any]] = {
        tuple(line["key"]): line["used"] for line in bill.json()["lines"]
    }
    return lines.get((app, function), {})


def test_what_a_function_uses_is_on_its_line_once(shop: Platform) -> None:
    for _ in range(3):
        assert shop.get("/orders-api/take?n=5").status_code == 200
    until(lambda: used(shop, "shop", "orders/take").get("calls") == 3, "three calls are billed")
    line = used(shop, "shop", "orders/take")
    assert (line["doc_writes"], line["doc_reads"], line["doc_deletes"]) == (15, 3, 3)
    assert (line["blob_writes"], line["blob_bytes_in"]) == (3, 15)
    assert "errors" not in line
    assert "api_bytes_out" not in line, "what a function is answered does not leave"


def test_every_service_counts(shop: Platform) -> None:
    answer = shop.http.post(f"{shop.url}/orders-api/all")
    assert answer.status_code == 200, answer.text
    until(lambda: used(shop, "shop", "orders/all").get("calls") == 1, "the call is billed")
    line = used(shop, "shop", "orders/all")
    counted = {name: line.get(name) for name in line if name in SERVICES}
    assert counted == {
        "doc_reads": 1,  # A query that finds nothing.
        "doc_writes": 2,
        "doc_deletes": 1,
        "cache_ops": 4,
        "queue_ops": 6,  # Two sent, two received, two settled.
        "events": 1,
        "mails": 1,
        "mqtt_messages": 1,
        "blob_writes": 1,
        "blob_reads": 1,
        "blob_bytes_in": 5,
    }


def test_what_a_client_uses_is_the_app_s(shop: Platform) -> None:
    shop.api("PUT", "/apps/blog/docs/notes/a", json={"n": 1})
    answer = shop.api("GET", "/apps/blog/docs/notes/a")
    assert shop.api("GET", "/apps/blog/docs/notes/none").status_code == 404
    until(lambda: used(shop, "blog").get("doc_reads") == 2, "two reads are billed")
    line = used(shop, "blog")
    assert line["doc_writes"] == 1
    assert line["api_bytes_out"] > len(answer.content)
    assert "calls" not in line
    sent = b"x" * 300_000
    shop.api("PUT", "/apps/blog/blobs/files/big", content=sent)
    with shop.http.stream(
        "GET",
        f"{shop.url}/_/api/v1/apps/blog/blobs/files/big",
        headers={"authorization": f"Bearer {shop.token}", "accept-encoding": "identity"},
    ) as got:
        assert len(b"".join(got.iter_raw())) == len(sent)
    until(lambda: used(shop, "blog").get("blob_bytes_out") == len(sent), "its bytes are billed")
    assert used(shop, "blog")["blob_bytes_in"] == len(sent)


async def test_a_live_subscription_counts_what_it_shows(shop: Platform) -> None:
    def put(id: str) -> None:
        shop.api("PUT", f"/apps/blog/docs/live/{id}", json={"n": 1})

    put("a")
    before = used(shop, "blog").get("doc_reads", 0)
    url = shop.url.replace("http", "ws") + "/_/api/v1/apps/blog/docs-live"
    headers = {"authorization": f"Bearer {shop.token}"}
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        query = {"collection": "live"}
        await socket.send(json.dumps({"type": "subscribe", "id": "q", "query": query}))
        assert len(json.loads(await socket.recv())["documents"]) == 1
        await asyncio.to_thread(put, "b")
        assert json.loads(await socket.recv())["type"] == "added"
        until(
            lambda: used(shop, "blog").get("doc_reads", 0) == before + 2,
            "one of the snapshot and one change are billed while it goes on",
        )


def test_bytes_sent_through_egress_are_the_function_s(shop: Platform) -> None:
    for size in (1_000, 200_000):
        assert shop.get(f"/orders-api/out?size={size}").text == str(size)
    until(
        lambda: used(shop, "shop", "orders/out").get("egress_bytes") == 201_000,
        "what went out is billed within a second or so",
    )


def test_an_answer_says_what_it_costs_if_the_function_wants_it(shop: Platform) -> None:
    answer = shop.get("/orders-api/costs")
    assert answer.headers["tapwater-cost"] == "0 EUR"
    usage = dict(one.split("=") for one in answer.headers["tapwater-usage"].split(", "))
    assert (usage["mb"], usage["doc-writes"]) == ("256", "1")
    assert "tapwater-cost" not in shop.get("/orders-api/costs?stream=true").headers
    assert "tapwater-cost" not in shop.get("/orders-api/take").headers


def test_who_holds_a_token_sees_the_bill_of_its_app(shop: Platform) -> None:
    made = shop.api("POST", "/tokens", json={"name": "ci", "admin": False, "apps": ["blog"]})
    mine = {"authorization": f"Bearer {made.json()['token']}"}
    bill = shop.api("GET", "/bills", headers=mine)
    assert {line["key"][0] for line in bill.json()["lines"]} == {"blog"}
    other = shop.api("GET", "/bills", headers=mine, params={"app": "shop"})
    assert other.status_code == 404
    nobody = shop.http.get(f"{shop.url}/_/api/v1/bills")
    assert nobody.status_code == 401


def test_the_page_and_the_csv(shop: Platform) -> None:
    page = shop.api("GET", "/bills", params={"format": "html", "as": "aws"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "orders/take" in page.text
    text = shop.api("GET", "/bills", params={"format": "csv"})
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.text.startswith("month,app,function,quantity")
    assert shop.api("GET", "/bills", params={"format": "pdf"}).status_code == 400


def test_two_revisions_are_compared(shop: Platform) -> None:
    for body in ("1", "2"):
        shop.deploy({"restful/hello.py": f"def get():\n    return {body}\n"}, "compared")
        assert shop.visit("compared", "/hello").status_code == 200
    query = {"app": "compared", "function": "hello", "a": "1", "b": "2"}
    found = shop.api("GET", "/bills/compare", params=query).json()
    assert [side["calls"] for side in found["revisions"]] == [1, 1]
    assert [side["cost"]["ours"] for side in found["revisions"]] == ["0", "0"]
    assert float(found["revisions"][0]["cost"]["aws"]) > 0
    assert found["revisions"][0]["latency_ms"]["p50"] > 0
    missing = shop.api("GET", "/bills/compare", params={**query, "b": "9"})
    assert missing.status_code == 404
