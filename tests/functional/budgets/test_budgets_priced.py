"""Budgets in money, with prices, on a real platform: calls, streams, WebSockets and MQTT alike."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.functional.mqtt.clients import Phone
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
# A cent a call and a message, five a document written, a tenth of one a document read.
TARIFF = """
name = "ours"
says = "Prices that are easy to add up."
currency = "EUR"
monthly_fee = "4.50"

[[price]]
quantity = "calls"
per = "one"
price = "0.01"
free = "1000000"

[[price]]
quantity = "mqtt_messages"
per = "one"
price = "0.01"

[[price]]
quantity = "doc_writes"
per = "one"
price = "0.05"

[[price]]
quantity = "doc_reads"
per = "one"
price = "0.001"
"""
APP = {
    "api/restful/hello.py": "def get():\n    return {'hi': 1}\n",
    "api/restful/write.py": """
from tapwater import docs
from tapwater.services.transport import ServiceError


def get(n: int):
    for number in range(n):
        try:
            docs.set(f"notes/{number}", {"n": number})
        except ServiceError as error:
            return {"done": number, "code": error.code}
    return {"done": n}
""",
    "api/restful/lies.py": """
from tapwater import Response


def get():
    return Response(b"x", headers={"Tapwater-Cost": "0 EUR", "x-mine": "1"})
""",
    "api/restful/talk.py": (
        "async def websocket(ws):\n    async for said in ws:\n        await ws.send(said)\n"
    ),
    "api/reactive/take.py": (
        "from tapwater import cache, on\n\n\n"
        "@on.message('in')\n"
        "def take(message, ctx):\n"
        "    cache.increment('attempts', ctx.attempt)\n"
    ),
}
HELLO, TALK = "/api-api/hello", "/api-api/talk"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("priced") / "data"
    data.mkdir()
    (data / "tariff.toml").write_text(TARIFF)
    settings = {"TAPWATER_MQTT": "1", "TAPWATER_MQTT_PORT": "0"}
    with Platform(data, settings=settings) as running:
        running.deploy(APP, "shop")
        yield running


@pytest.fixture(autouse=True)
def alone(shop: Platform) -> Iterator[None]:
    """Each test has budgets of its own."""
    yield
    for one in shop.api("GET", "/budgets").json()["budgets"]:
        assert shop.api("DELETE", f"/budgets/{one['name']}").status_code == 204


def put(platform: Platform, name: str, **said: Any) -> dict[str, Any]:
    answer = platform.api("PUT", f"/budgets/{name}", json={"every": "day", **said})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def room_for(platform: Platform, name: str, more: float, **said: Any) -> None:
    """A budget with room for so much more than what was used today."""
    spent = put(platform, name, limit=1e9, **said)["spent"]
    put(platform, name, limit=spent + more, **said)


def test_money_is_over_calls_and_documents_together(shop: Platform) -> None:
    room_for(shop, "money", 0.20, unit="EUR", app="shop")
    # Three writes are 0.15 and the call 0.01: there is room for no other write but a call or two.
    assert shop.get("/api-api/write?n=3").json() == {"done": 3}
    assert [shop.get(HELLO).status_code for _ in range(5)] == [200, 200, 200, 200, 402]
    refused = shop.get("/api-api/write?n=1")
    assert (refused.status_code, refused.json()["code"]) == (402, "budget_exhausted")
    assert "EUR a day) is used up" in refused.json()["detail"]


def test_one_call_stops_at_the_money_that_is_left(shop: Platform) -> None:
    room_for(shop, "money", 0.33, unit="EUR", app="shop")
    said = shop.get("/api-api/write?n=50").json()
    assert said["code"] == "budget_exhausted"
    assert 6 <= said["done"] <= 7, "0.05 each, the call itself 0.01, and one more at most"


def test_the_budget_is_never_later_than_the_bill(shop: Platform) -> None:
    """Grants are on the bill alone: a million calls are free there, none in a budget."""
    spent = put(shop, "money", limit=1e9, unit="EUR", app="shop", every="month")["spent"]
    bill = shop.api("GET", "/bills", params={"app": "shop", "by": "app"}).json()
    [line] = bill["lines"]
    items = {item["quantity"]: float(item["cost"]) for item in line["items"]}
    assert items["calls"] == 0
    assert spent >= sum(items.values()) - items["monthly_fee"]
    used = line["used"]
    listed = (
        used["calls"] * 0.01
        + used.get("mqtt_messages", 0) * 0.01
        + used["doc_writes"] * 0.05
        + used.get("doc_reads", 0) * 0.001
    )
    assert spent == pytest.approx(listed)


def test_what_comes_faster_than_the_rest_is_slowed(shop: Platform) -> None:
    function = {"unit": "calls", "function": "shop:api/hello"}
    spent = put(shop, "slow", limit=1e9, **function)["spent"]
    steps = [{"at": 50, "does": "slow"}, {"at": 100, "does": "refuse"}]
    put(shop, "slow", limit=2 * spent + 20, steps=steps, **function)
    answers = [shop.get(HELLO) for _ in range(15)]
    taken = [answer.status_code for answer in answers].count(200)
    assert 10 <= taken <= 11, "half of it is let in, and then it is slow"
    last = answers[-1]
    assert (last.status_code, last.json()["code"]) == (429, "budget_slowed")
    assert 1 <= int(last.headers["retry-after"]) <= 86_400
    assert shop.api("GET", "/budgets/slow").json()["state"] == "slowed"
    put(shop, "slow", limit=1e9, steps=steps, **function)
    assert shop.get(HELLO).status_code == 200


async def test_a_websocket_is_refused_before_it_opens(shop: Platform) -> None:
    url = shop.url.replace("http", "ws") + TALK
    async with connect(url, proxy=None) as socket:
        await socket.send("a")
        assert await socket.recv() == "a"
        put(shop, "none", limit=0, unit="EUR", app="shop")
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, proxy=None)
        assert refused.value.response.status_code == 402
        await socket.send("b")
        assert await socket.recv() == "b", "one that is open stays"


@pytest.fixture
def ci(shop: Platform) -> Iterator[str]:
    """A token of the app: an admin's messages are never refused."""
    yield shop.api("POST", "/tokens", json={"name": "ci", "apps": ["shop"]}).json()["token"]
    shop.api("DELETE", "/tokens/ci")


def phone(platform: Platform, token: str, *, version: int) -> Phone:
    made = Phone(platform, client_id=f"mouth{version}", version=version)
    made.paho.username_pw_set("shop", token)
    return made


def test_mqtt_5_is_told_that_the_quota_is_exceeded(shop: Platform, ci: str) -> None:
    reasons: list[str] = []
    with Phone(shop, client_id="ears") as ears, phone(shop, ci, version=5) as mouth:
        mouth.paho.on_publish = lambda _c, _d, _m, reason, _p: reasons.append(str(reason))
        ears.subscribe("a/#")
        mouth.publish("a/1", b"1")
        ears.until(lambda: ears.payloads() == [b"1"], "a message while there is room")
        put(shop, "none", limit=0, unit="EUR", app="shop")
        mouth.publish("a/2", b"2")
        until(lambda: len(reasons) == 2, "both are answered")
        assert (reasons[0], reasons[1]) == ("Success", "Quota exceeded")
        put(shop, "none", limit=1e9, unit="EUR", app="shop")
        mouth.publish("a/3", b"3")
        ears.until(lambda: ears.payloads() == [b"1", b"3"], "one when there is room again")


def test_mqtt_3_keeps_what_was_not_taken(shop: Platform, ci: str) -> None:
    with Phone(shop, client_id="ears") as ears, phone(shop, ci, version=3) as mouth:
        ears.subscribe("b/#")
        put(shop, "none", limit=0, unit="EUR", app="shop")
        ended = threading.Event()
        mouth.paho.on_disconnect = lambda *_: ended.set()
        mouth.publish("b/1", b"1")
        assert ended.wait(20), "it is sent away, for MQTT 3 has no word for this"
        assert mouth.acknowledged == set()
        put(shop, "none", limit=1e9, unit="EUR", app="shop")
        ears.until(lambda: ears.payloads() == [b"1"], "it comes back with what it kept")


def test_mqtt_gets_no_more_than_a_hundred_messages_too_far(shop: Platform, ci: str) -> None:
    spent = put(shop, "few", limit=1e9, unit="mqtt_messages", app="shop")["spent"]
    put(shop, "few", limit=spent + 50, unit="mqtt_messages", app="shop")
    reasons: list[str] = []
    with phone(shop, ci, version=5) as mouth:
        mouth.paho.on_publish = lambda _c, _d, _m, reason, _p: reasons.append(str(reason))
        for number in range(400):
            mouth.publish(f"c/{number}", b"x")
        until(lambda: len(reasons) == 400, "all are answered")
    assert reasons[-1] == "Quota exceeded"
    # Nobody listens: "No matching subscribers" is a yes as well.
    assert 50 <= len(reasons) - reasons.count("Quota exceeded") <= 150


def test_mqtt_over_http_is_refused_too(shop: Platform, ci: str) -> None:
    put(shop, "none", limit=0, unit="EUR", app="shop")
    mine = {"authorization": f"Bearer {ci}"}
    over = shop.api("POST", "/apps/shop/mqtt/publish?topic=a/b", content=b"x", headers=mine)
    assert (over.status_code, over.json()["code"]) == (402, "budget_exhausted")


def test_messages_wait_for_money_and_lose_no_attempt(shop: Platform) -> None:
    put(shop, "none", limit=0, unit="EUR", function="shop:api/take")
    sent = [{"body": number} for number in range(3)]
    shop.api("POST", "/apps/shop/queues/in/messages", json={"messages": sent})
    until(
        lambda: shop.api("GET", "/apps/shop/queues/in").json()["stats"]["waiting"] == 3,
        "all three lie there",
    )
    put(shop, "none", limit=1e9, unit="EUR", function="shop:api/take")

    def attempts() -> Any:
        answer = shop.api("GET", "/apps/shop/cache/attempts")
        return answer.json()["value"] if answer.status_code == 200 else 0

    until(lambda: attempts() == 3, "three first attempts")


def test_what_a_project_used_stays_with_it(shop: Platform) -> None:
    """Also what was used a moment before, and is not in the ledger yet."""
    assert shop.api("PUT", "/projects/retail", json={"apps": ["shop"]}).status_code == 200
    assert [shop.get(HELLO).status_code for _ in range(4)] == [200] * 4
    assert shop.api("DELETE", "/projects/retail").status_code == 204
    bill = shop.api("GET", "/bills", params={"by": "project"}).json()
    calls = {line["key"][0]: line["used"]["calls"] for line in bill["lines"]}
    assert calls["retail"] == 4


def test_no_function_says_what_it_costs_by_itself(shop: Platform) -> None:
    answer = shop.get("/api-api/lies")
    assert answer.headers["x-mine"] == "1"
    assert "tapwater-cost" not in answer.headers


def test_money_is_known_after_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "tariff.toml").write_text(TARIFF)
    with Platform(data) as platform:
        platform.deploy(APP, "shop")
        put(platform, "money", limit=0.17, unit="EUR", app="shop")
        assert platform.get("/api-api/write?n=2").json() == {"done": 2}
        platform.kill()
        platform.start()
        assert platform.api("GET", "/budgets/money").json()["spent"] == pytest.approx(0.11)
        assert [platform.get(HELLO).status_code for _ in range(7)] == [200] * 6 + [402]
