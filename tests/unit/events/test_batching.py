"""Batches: what goes together, who goes alone, and how each ended."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.events.audience import Batching
from tapwater_server.events.batching import (
    BATCH_BYTES_MAX,
    Filling,
    goes_alone,
    named_failed,
    outcomes,
)
from tapwater_server.events.envelope import batched
from tapwater_server.model.invocation import Ending, Outcome, Usage
from tapwater_server.ports.bus import Delivery, Errand


def delivery(id: str = "a", *, attempt: int = 1, lost: int = 0, body: bytes = b"{}") -> Delivery:
    errand = Errand(id=id, app="shop", line="q:shop:q", body=body)
    return Delivery(
        errand=errand, attempt=attempt, lost=lost, leased_until=0.0, published_at=0.0, seq=1
    )


def ended(body: object = None, *, status: int = 200, ending: Ending = Ending.OK) -> Outcome:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Outcome(ending=ending, usage=Usage(), status=status, body=raw)


def test_it_goes_when_it_is_full_or_its_window_is_over() -> None:
    filling = Filling(batching=Batching(size=2, window_s=5.0), due=10.0)
    assert not filling.ready(99.0)
    filling.add(delivery("a"))
    assert not filling.ready(9.0)
    assert filling.ready(10.0)
    filling.add(delivery("b"))
    assert filling.ready(0.0)
    assert filling.room == 0


def test_many_bytes_make_it_full() -> None:
    filling = Filling(batching=Batching(size=100, window_s=5.0), due=10.0)
    for _ in range(5):
        filling.add(delivery(body=b"x" * (BATCH_BYTES_MAX // 4)))
    assert filling.ready(0.0)


@pytest.mark.parametrize(
    ("attempt", "attempts_max", "alone"),
    [(1, 5, False), (2, 5, False), (3, 5, True), (5, 5, True), (2, 2, True), (1, 1, False)],
)
def test_who_failed_often_goes_alone(attempt: int, attempts_max: int, alone: bool) -> None:
    assert goes_alone(delivery(attempt=attempt), attempts_max=attempts_max) is alone


@pytest.mark.parametrize(
    ("attempt", "lost", "alone"), [(1, 0, False), (1, 1, False), (1, 2, True), (2, 1, True)]
)
def test_who_was_lost_often_goes_alone(attempt: int, lost: int, alone: bool) -> None:
    assert goes_alone(delivery(attempt=attempt, lost=lost), attempts_max=5) is alone


def endings(outcome: Outcome, *ids: str) -> dict[str, str]:
    found = outcomes(outcome, [delivery(id) for id in ids])
    return {id: f"{one.ending} {one.status}" for id, one in found.items()}


def test_only_those_named_failed() -> None:
    for status in (200, 500):
        said = ended({"failed": ["b"]}, status=status)
        assert endings(said, "a", "b") == {"a": "ok 200", "b": "user_error 0"}


def test_all_alike_where_none_is_named() -> None:
    assert endings(ended({"fine": 1}), "a", "b") == {"a": "ok 200", "b": "ok 200"}
    assert endings(ended(status=500), "a", "b") == {"a": "ok 500", "b": "ok 500"}
    crashed = ended({"failed": []}, ending=Ending.CRASHED)
    assert endings(crashed, "a") == {"a": "crashed 200"}
    assert endings(ended({"failed": []}, status=500), "a") == {"a": "ok 200"}


def test_who_names_a_stranger_does_not_know_what_it_says() -> None:
    assert endings(ended({"failed": ["z"]}), "a", "b") == {"a": "user_error 0", "b": "user_error 0"}


@given(st.binary(max_size=60))
def test_whatever_is_answered_it_is_read(body: bytes) -> None:
    named_failed(ended(b'{"failed":' + body))
    named_failed(ended(b'"failed"' + body))


def test_each_event_says_which_delivery_it_is() -> None:
    body = b'{"specversion":"1.0","id":"e","data":1}'
    packed: Any = msgspec.json.decode(batched([delivery("d1", attempt=2)], [body]))
    assert packed["type"] == "tapwater.batch"
    assert packed["events"] == [
        {"specversion": "1.0", "id": "e", "data": 1, "delivery": "d1", "attempt": 2}
    ]
