"""What the clients of queues and topics do, against the fake and against a real platform."""

from collections.abc import Iterator
from itertools import count

import pytest

from tapwater.services.messages import Message
from tapwater.services.queues import Queues
from tapwater.services.topics import Topics
from tapwater.services.transport import ServiceError, Transport
from tapwater.testing.fakes.queues import FakeQueues
from tests.conformance.client_transport import shop_over_http

_NUMBERS = count(1)


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeQueues()
        return
    with shop_over_http(tmp_path_factory.mktemp("queues")) as over_http:
        yield over_http


@pytest.fixture
def queues(transport: Transport) -> Queues:
    return Queues(transport)


@pytest.fixture
def topics(transport: Transport) -> Topics:
    return Topics(transport)


@pytest.fixture
def queue() -> str:
    return f"q-{next(_NUMBERS)}"


@pytest.mark.parametrize("body", [{"to": "ada"}, [1, 2.5, None], None, True, "text ü", b"\x00\xff"])
def test_any_body_comes_back_as_it_was(queues: Queues, queue: str, body: object) -> None:
    id = queues.send(queue, body, attributes={"shop": "7"})
    [got] = queues.receive(queue)
    assert (got.id, got.body, got.attempt) == (id, body, 1)
    assert got.attributes == {"shop": "7"}
    assert queues.delete(queue, got)
    assert not queues.delete(queue, got)
    assert queues.receive(queue) == []


def test_a_json_text_is_json(queues: Queues, queue: str) -> None:
    queues.send_many(queue, [Message(body="hi", content_type="application/json")])
    [got] = queues.receive(queue)
    assert (got.body, got.content_type) == ("hi", "application/json")


def test_hidden_extended_released(queues: Queues, queue: str) -> None:
    queues.send(queue, 1)
    [first] = queues.receive(queue, visibility=600)
    assert queues.receive(queue) == []
    assert queues.extend(queue, first, 700)
    assert queues.release(queue, first)
    [second] = queues.receive(queue)
    assert second.attempt == 2
    assert not queues.extend(queue, first, 10)
    assert queues.delete_many(queue, [first, second]) == [False, True]


def test_order_priority_delay(queues: Queues, queue: str) -> None:
    queues.send(queue, "a1", key="a")
    queues.send(queue, "a2", key="a")
    queues.send(queue, "b1", key="b", priority=5)
    queues.send(queue, "later", delay=3600)
    assert [one.body for one in queues.receive(queue, count=10)] == ["b1", "a1"]
    stats = queues.show(queue)["stats"]
    assert (stats["leased"], stats["dead"], stats["waiting"] + stats["delayed"]) == (2, 0, 2)


def test_a_batch_with_one_that_is_refused(queues: Queues, queue: str) -> None:
    sent = queues.send_many(queue, [1, Message(body=2, priority=1000), Message(body=3)])
    assert [one.error for one in sent] == ["", "invalid", ""]
    with pytest.raises(ServiceError, match="priority") as refused:
        queues.send_many(queue, [Message(body=2, priority=1000)])
    assert (refused.value.code, refused.value.status) == ("invalid", 400)
    assert [one.body for one in queues.receive(queue, count=10)] == [1, 3]


def test_too_large(queues: Queues, queue: str) -> None:
    with pytest.raises(ServiceError) as refused:
        queues.send(queue, "x" * (2 << 20))
    assert (refused.value.code, refused.value.status) == ("too_large", 413)


def test_dedupe(queues: Queues, queue: str) -> None:
    first = queues.send(queue, 1, dedupe="order-7")
    assert queues.send(queue, 1, dedupe="order-7") == first
    assert len(queues.receive(queue, count=10)) == 1


def test_dead_letters(queues: Queues, queue: str) -> None:
    settings = queues.configure(queue, attempts_max=1)
    assert (settings["attempts_max"], settings["visibility_s"]) == (1, 30.0)
    id = queues.send(queue, "poison")
    queues.release(queue, queues.receive(queue)[0])
    assert queues.receive(queue) == []
    [dead] = queues.dead(queue)
    assert (dead.id, dead.state) == (id, "dead")
    assert "1 times" in dead.reason
    assert queues.get(queue, id).body == "poison"
    assert queues.redrive(queue) == 1
    assert [one.body for one in queues.receive(queue)] == ["poison"]


def test_dead_letters_into_another_queue(queues: Queues, queue: str) -> None:
    queues.configure(queue, attempts_max=1, dead_letters=f"{queue}-dead")
    queues.send(queue, {"poison": True})
    queues.release(queue, queues.receive(queue)[0])
    assert queues.receive(queue) == []
    [got] = queues.receive(f"{queue}-dead", wait=5)
    assert got.body == {"poison": True}
    assert got.attributes["dead-from"] == queue


def test_dead_letters_dropped(queues: Queues, queue: str) -> None:
    queues.configure(queue, attempts_max=1)
    queues.send(queue, 1)
    queues.release(queue, queues.receive(queue)[0])
    assert queues.receive(queue) == []
    assert queues.drop_dead(queue, ["not this one"]) == 0
    assert queues.drop_dead(queue) == 1
    assert queues.dead(queue) == []


def test_peek_purge_remove(queues: Queues, queue: str) -> None:
    ids = [queues.send(queue, number) for number in range(3)]
    assert [one.id for one in queues.peek(queue)] == ids[::-1]
    assert [one.id for one in queues.peek(queue, after=ids[2], limit=1)] == [ids[1]]
    assert queues.receive(queue)[0].id == ids[0]
    assert [one.id for one in queues.peek(queue, state="waiting")] == [ids[2], ids[1]]
    assert queues.purge(queue) == 2
    queues.configure(queue, delay=5)
    assert queue in [one["name"] for one in queues.all()]
    queues.remove(queue)
    assert queues.show(queue)["configured"] is False


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 81])
def test_bad_names(queues: Queues, name: str) -> None:
    with pytest.raises(ServiceError) as refused:
        queues.send(name, 1)
    assert refused.value.status in (400, 404)


@pytest.mark.parametrize("settings", [{"attempts_max": 0}, {"dead_letters": "SELF"}])
def test_bad_settings(queues: Queues, queue: str, settings: dict[str, object]) -> None:
    said = {k: queue if value == "SELF" else value for k, value in settings.items()}
    with pytest.raises(ServiceError) as refused:
        queues.configure(queue, **said)  # type: ignore[arg-type]
    assert refused.value.code == "invalid"


def test_no_receipt(queues: Queues, queue: str) -> None:
    with pytest.raises(ServiceError, match="receipt"):
        queues.delete(queue, "nonsense")


def test_a_topic_fills_the_queues_that_subscribed(
    queues: Queues, topics: Topics, queue: str
) -> None:
    topic = f"t-{queue}"
    topics.publish(topic, "nobody hears this")
    topics.subscribe(topic, queue)
    topics.subscribe(topic, queue)
    topics.subscribe(topic, f"{queue}-2")
    assert list(topics.subscribed(topic)) == [queue, f"{queue}-2"]
    topics.publish(topic, {"order": 7}, attributes={"shop": "x"})
    for name in (queue, f"{queue}-2"):
        [got] = queues.receive(name)
        assert got.body == {"order": 7}
        assert got.attributes == {"shop": "x", "topic": topic}
    topics.unsubscribe(topic, queue)
    with pytest.raises(ServiceError) as refused:
        topics.unsubscribe(topic, queue)
    assert refused.value.code == "not_found"
    assert topic in topics.all()
    topics.publish(topic, 2)
    assert queues.receive(queue) == []


def test_publish_many(topics: Topics, queue: str) -> None:
    sent = topics.publish_many(f"t-{queue}", [1, {"a": 2}, b"3"])
    assert [bool(one.id) for one in sent] == [True] * 3
