"""What is told of an end, and where chains stop."""

import json

from tapwater_server.events.chains import too_long
from tapwater_server.events.destinations import End, chain_of, errand_for, told
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.bus import ERRAND_BYTES_MAX, Delivery, Errand


def end(*, depth: int = 0, body: bytes = b'{"id":"e"}', good: bool = False) -> End:
    errand = Errand(
        id="d1", app="shop", line="f:shop:a", function="shop:a", body=body, depth=depth, root="r"
    )
    delivery = Delivery(errand=errand, attempt=3, leased_until=0, published_at=0, seq=1)
    return End(delivery=delivery, body=body, good=good, reason="broke")


def test_a_function_is_told_under_a_name_that_stays() -> None:
    one = end()
    chain = chain_of(one)
    assert chain is not None
    errand = errand_for(one, chain, "ops/tell", now=0.0)
    assert (errand.id, errand.line, errand.depth, errand.root) == (
        "d1.dead",
        "f:shop:ops/tell",
        1,
        "r",
    )
    said = json.loads(errand.body)
    assert said["type"] == "tapwater.delivery.failed"
    assert said["data"]["event"] == {"id": "e"}
    assert said["data"]["outcome"]["reason"] == "broke"


def test_chains_end() -> None:
    assert chain_of(end(depth=CHAIN_DEPTH_MAX - 1)) is not None
    assert chain_of(end(depth=CHAIN_DEPTH_MAX)) is None


def test_what_is_too_large_is_named_only() -> None:
    large = told(end(body=json.dumps("x" * ERRAND_BYTES_MAX).encode()))
    assert json.loads(large)["event"] == {"id": "d1"}


def test_what_is_no_json_is_text() -> None:
    assert json.loads(told(end(body=b"\xff{")))["event"] == "\ufffd{"


def test_a_long_chain_is_shown_by_its_ends() -> None:
    events = [
        Event(id=str(n), app=AppId("shop"), type=f"t{n}", source="/s", depth=n) for n in range(17)
    ]
    reason = too_long(end().delivery.errand, events)
    assert reason.endswith(
        "beginning with r: t0 /s → t1 /s → t2 /s → t3 /s → … "
        "→ t13 /s → t14 /s → t15 /s → t16 /s → a"
    )
