"""What a real platform shows of real calls: logs, traces, numbers, groups of errors, alerts."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tapwater_server.services.events.signatures import complaint
from tests.functional.running import Platform
from tests.functional.seeing.listening import listening
from tests.functional.waiting import until

APP = {
    "orders/restful/buy.py": (
        "import logging\n"
        "import os\n\n"
        "from tapwater import docs\n\n"
        "log = logging.getLogger(__name__)\n\n\n"
        "def post(item: str):\n"
        "    log.info('an order', extra={'item': item})\n"
        "    if item == 'boom':\n"
        "        raise ValueError(f'there is no {item!r} of {os.getpid()}')\n"
        "    if item == 'crash':\n"
        "        os.abort()\n"
        "    docs.add('orders', {'item': item})\n"
        "    return item\n"
    ),
    "orders/restful/slow.py": (
        "import time\n\n"
        "from tapwater import options\n\n"
        "options(timeout='0.3s')\n\n\n"
        "def get():\n"
        "    time.sleep(30)\n"
    ),
    "orders/reactive/confirm.py": (
        "from tapwater import on\n\n\n"
        "@on.document_created('orders/{id}')\n"
        "def confirm(event):\n"
        "    print('confirmed', event.after['item'])\n"
    ),
    "orders/reactive/told.py": (
        "from tapwater import on\n\n\n"
        "@on.event(type='tapwater.alert')\n"
        "def told(event):\n"
        "    print('told of', event.data['error'])\n"
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with the shop, whose webhooks may be on this machine."""
    data = tmp_path_factory.mktemp("seeing") / "data"
    with Platform(data, settings={"TAPWATER_REACH_PRIVATE": "true"}) as running:
        running.deploy(APP, "shop")
        yield running


def buy(shop: Platform, item: str) -> int:
    return shop.http.post(f"{shop.url}/orders-api/buy", params={"item": item}).status_code


def ask(shop: Platform, path: str, **query: Any) -> Any:
    answer = shop.api("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.slow
def test_one_picture_from_the_click_to_what_it_caused(shop: Platform) -> None:
    assert buy(shop, "tea") == 200
    told = {"app": "shop", "function": "orders/confirm", "text": "confirmed tea"}
    until(lambda: bool(ask(shop, "/logs", **told)["lines"]), "the order was confirmed")
    (line, *_) = ask(shop, "/logs", **told)["lines"]
    trace = ask(shop, f"/traces/{line['trace']}")
    calls = {one["function"]: one for one in trace["spans"] if one["kind"] == "invocation"}
    assert set(calls) == {"orders/buy", "orders/confirm"}
    assert calls["orders/buy"]["name"] == "POST /orders-api/buy"
    handlers = [one for one in trace["spans"] if one["kind"] == "handler"]
    assert {one["parent"] for one in handlers} == {one["id"] for one in calls.values()}
    by_id = {one["id"]: one for one in trace["spans"]}
    at, steps = calls["orders/confirm"], 0
    while at["parent"] and steps < 20:  # The click is at the root of all that it caused.
        at, steps = by_id[at["parent"]], steps + 1
    assert at["id"] == calls["orders/buy"]["id"] or at["parent"] == ""
    assert {one["text"] for one in trace["lines"]} >= {"confirmed tea"}
    assert line["trace"] in {one["trace"] for one in ask(shop, "/traces", app="shop")["traces"]}


@pytest.mark.slow
def test_calls_and_lines_are_searched(shop: Platform) -> None:
    for item in ("milk", "boom", "honey"):
        buy(shop, item)
    lines = ask(shop, "/logs", app="shop", **{"field.item": "honey"})["lines"]
    assert [one["fields"]["item"] for one in lines] == ["honey"]
    failed = ask(shop, "/invocations", app="shop", ending="failed", function="orders/buy")
    assert {one["ending"] for one in failed["invocations"]} == {"user_error"}
    first = failed["invocations"][0]
    assert (first["error"], first["where"]) == ("ValueError", "orders/restful/buy.py:post")
    route = "/orders-api/buy"
    newest = ask(shop, "/invocations", app="shop", route=route, limit=2)
    older = ask(shop, "/invocations", app="shop", route=route, limit=1, before=newest["before"])
    ids = [one["id"] for one in newest["invocations"]]
    assert len(ids) == 2
    assert older["invocations"][0]["id"] < min(ids)
    assert ask(shop, "/invocations", app="shop", took_min=60_000)["invocations"] == []
    one = ask(shop, f"/invocations/{first['id']}")
    assert set(one["cost"]) == {"amount", "currency"}
    assert float(one["cost"]["amount"]) >= 0
    assert any("Traceback" in line["text"] for line in one["lines"])
    page = ask(shop, "/logs", app="shop", limit=1)["lines"]
    before = ask(shop, "/logs", app="shop", limit=5, before=page[0]["seq"])["lines"]
    assert max(line["seq"] for line in before) < page[0]["seq"]


@pytest.mark.slow
def test_numbers_add_up(shop: Platform) -> None:
    before = _calls(shop)
    for _ in range(5):
        buy(shop, "bread")
    buy(shop, "boom")
    until(lambda: _calls(shop) == before + 6, "the numbers of six calls")
    (point,) = ask(shop, "/stats", app="shop", function="orders/buy")["points"]
    assert point["errors"] >= 1
    assert 0 < point["latency_ms"]["p50"] <= point["latency_ms"]["p99"]
    by = ask(shop, "/stats", app="shop", by="function,route")
    assert by["by"] == ["function", "route"]
    assert ["orders/buy", "/orders-api/buy"] in [one["key"] for one in by["points"]]


def _calls(shop: Platform) -> int:
    points = ask(shop, "/stats", app="shop", function="orders/buy")["points"]
    return sum(one["calls"] for one in points)


@pytest.mark.slow
def test_the_last_second_is_seen_live_as_long_as_one_may(shop: Platform) -> None:
    said = shop.api("POST", "/tokens", json={"name": "watcher", "apps": ["shop"]}).json()
    headers = {"authorization": f"Bearer {said['token']}"}
    url = f"{shop.url}/_/api/v1/live"
    seen: list[Any] = []
    with shop.http.stream("GET", url, headers=headers) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        for line in answer.iter_lines():
            if not line.startswith("data: "):
                continue
            seen.append(json.loads(line.removeprefix("data: ")))
            if len(seen) == 1:
                buy(shop, "tea")
            if seen[-1]["calls"] or len(seen) > 5:
                break
    assert seen[-1]["calls"] >= 1
    assert seen[-1]["instances"] >= 1
    assert {one["app"] for one in seen[-1]["functions"]} == {"shop"}
    refused = shop.http.get(url, params={"app": "other"}, headers=headers)
    assert refused.status_code == 404


@pytest.mark.slow
def test_prometheus_reads_what_went_on(shop: Platform) -> None:
    budget = {"app": "shop", "limit": 1000, "unit": "calls", "every": "day"}
    shop.api("PUT", "/budgets/watched", json=budget).raise_for_status()
    buy(shop, "tea")
    url, headers = f"{shop.url}/_/metrics", {"authorization": f"Bearer {shop.token}"}
    assert shop.http.get(url).status_code == 401

    def counted() -> bool:
        families = text_string_to_metric_families(shop.http.get(url, headers=headers).text)
        names = {family.name for family in families}
        return {"tapwater_invocations", "tapwater_invocation_duration_seconds"} <= names

    until(counted, "the counts of calls")
    answer = shop.http.get(url, headers=headers)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [
        sample
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    ]
    assert len({(one.name, tuple(sorted(one.labels.items()))) for one in samples}) == len(samples)
    assert any(one.name == "tapwater_dead_letters" for one in samples)
    (state,) = [one for one in samples if one.name == "tapwater_budget_state"]
    assert (state.labels["budget"], state.labels["state"], state.value) == ("watched", "open", 1)
    assert any(one.name == "tapwater_recordings_dropped_total" for one in samples)


@pytest.mark.slow
def test_errors_are_grouped_told_of_resolved_and_come_back(shop: Platform) -> None:
    rule = {"kind": "new_error", "function": "orders/slow", "mails": ["ops@example.com"]}
    with listening() as heard:
        rule["webhooks"] = [heard.url]
        made = shop.api("PUT", "/alerts/news", params={"app": "shop"}, json=rule)
        assert made.status_code == 200, made.text
        secret = made.json()["secret"]
        assert "secret" not in ask(shop, "/alerts/news", app="shop")
        assert shop.http.get(f"{shop.url}/orders-api/slow").status_code == 504
        until(lambda: bool(heard.posts), "the webhook")
        headers, body = heard.posts[0]
        assert json.loads(body)["alert"] == "news"
        assert complaint("hmac", headers, body, secret=secret, now=time.time()) == ""  # noqa: TID251
        assert shop.http.get(f"{shop.url}/orders-api/slow").status_code == 504
        told = {"app": "shop", "function": "orders/told"}
        until(lambda: bool(ask(shop, "/logs", **told)["lines"]), "the function was told")
        assert len(heard.posts) == 1  # The second was no news.
    letters = shop.api("GET", "/apps/shop/mail").text
    assert "ops@example.com" in letters
    for item in ("boom", "boom", "crash"):
        buy(shop, item)
    until(lambda: len(_faults(shop)) >= 2, "two groups")
    groups = {one["ending"]: one for one in _faults(shop)}
    assert groups["user_error"]["where"] == "orders/restful/buy.py:post"
    assert groups["crashed"]["title"]
    id = groups["user_error"]["id"]
    assert "there is no 'boom'" in ask(shop, f"/faults/{id}")["trace"]
    shop.api("PUT", f"/faults/{id}", json={"state": "resolved"}).raise_for_status()
    assert id not in {one["id"] for one in _faults(shop)}
    shop.deploy(APP, "shop", note="mended, or so we think")
    buy(shop, "boom")
    until(lambda: id in {one["id"] for one in _faults(shop)}, "the group is open again")
    assert ask(shop, f"/faults/{id}")["regressed"] is True


def _faults(shop: Platform) -> list[Any]:
    query = {"app": "shop", "state": "open", "function": "orders/buy"}
    found: list[Any] = ask(shop, "/faults", **query)["faults"]
    return found


@pytest.mark.slow
def test_nobody_sees_another_app(shop: Platform) -> None:
    buy(shop, "boom")
    other = shop.api("POST", "/tokens", json={"name": "other", "apps": ["other"]}).json()["token"]
    headers = {"authorization": f"Bearer {other}"}
    (call, *_) = ask(shop, "/invocations", app="shop", limit=1)["invocations"]
    until(lambda: bool(ask(shop, "/faults", app="shop")["faults"]), "a group of errors")
    fault = ask(shop, "/faults", app="shop")["faults"][0]["id"]
    for path in (
        f"/invocations/{call['id']}",
        f"/traces/{call['trace']}",
        f"/faults/{fault}",
        "/invocations?app=shop",
        "/logs?app=shop",
        "/logs?app=shop&follow=true",
        "/stats?app=shop",
        "/traces?app=shop",
        "/faults?app=shop",
        "/alerts?app=shop",
    ):
        url = f"{shop.url}/_/api/v1{path}"
        assert shop.http.get(url, headers=headers).status_code == 404, path
        assert shop.http.get(url).status_code == 401, path
    assert shop.http.get(f"{shop.url}/_/metrics", headers=headers).status_code == 403
    assert shop.http.get(f"{shop.url}/_/api/v1/faults", headers=headers).json() == {"faults": []}
