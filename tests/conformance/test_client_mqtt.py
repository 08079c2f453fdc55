"""What the client of MQTT does, against the fake and against a real platform."""

from collections.abc import Iterator
from itertools import count

import pytest

from tapwater.services.mqtt import Mqtt
from tapwater.services.transport import ServiceError, Transport
from tapwater.testing.fakes.mqtt import FakeMqtt
from tests.conformance.client_transport import shop_over_http

_NUMBERS = count(1)


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeMqtt()
        return
    with shop_over_http(tmp_path_factory.mktemp("mqtt")) as over_http:
        yield over_http


@pytest.fixture
def mqtt(transport: Transport) -> Mqtt:
    return Mqtt(transport)


@pytest.fixture
def topic() -> str:
    return f"t-{next(_NUMBERS)}/a b/ü"


@pytest.mark.parametrize(
    ("sent", "seen"),
    [({"on": True}, {"on": True}), ("warm", "warm"), (b"\x00\xff", b"\x00\xff"), (21.5, 21.5)],
)
def test_what_is_retained_comes_back(mqtt: Mqtt, topic: str, sent: object, seen: object) -> None:
    id = mqtt.publish(topic, sent, qos=2, retain=True)
    [got] = mqtt.retained(topic)
    assert (got.id, got.topic, got.payload, got.qos) == (id, topic, seen, 2)
    assert got.at > 1_700_000_000
    mqtt.publish(topic, "passing by")
    assert [one.payload for one in mqtt.retained(topic)] == [seen]
    mqtt.clear(topic)
    assert mqtt.retained(topic) == []


def test_filters_and_limits(mqtt: Mqtt) -> None:
    for name in ("f/1/x", "f/2/x", "f/2/y"):
        mqtt.publish(name, "1", retain=True, expiry=600)
    assert [one.topic for one in mqtt.retained("f/+/x")] == ["f/1/x", "f/2/x"]
    assert [one.topic for one in mqtt.retained("f/#", limit=2)] == ["f/1/x", "f/2/x"]
    assert mqtt.retained("g/#") == []


@pytest.mark.parametrize("topic", ["", "a/+", "#", "$SYS/x", "x" * 5_000])
def test_no_topic(mqtt: Mqtt, topic: str) -> None:
    with pytest.raises(ServiceError) as raised:
        mqtt.publish(topic, "x")
    assert (raised.value.code, raised.value.status) == ("invalid", 400)


@pytest.mark.parametrize("filter", ["a/#/b", "a+", "#/a"])
def test_no_filter(mqtt: Mqtt, filter: str) -> None:
    with pytest.raises(ServiceError) as raised:
        mqtt.retained(filter)
    assert (raised.value.code, raised.value.status) == ("invalid", 400)


def test_what_cannot_be_sent(mqtt: Mqtt, topic: str) -> None:
    for wrong in ({"qos": 3}, {"expiry": 0}):
        with pytest.raises(ServiceError) as raised:
            mqtt.publish(topic, "x", **wrong)  # type: ignore[arg-type]
        assert raised.value.code == "invalid"
    with pytest.raises(ServiceError) as raised:
        mqtt.publish(topic, b"x" * (1 << 20))
    assert (raised.value.code, raised.value.status) == ("too_large", 413)


def test_clients_there_are_none_of(mqtt: Mqtt) -> None:
    assert list(mqtt.clients()) == []
    with pytest.raises(ServiceError) as raised:
        mqtt.forget("no/body")
    assert (raised.value.code, raised.value.status) == ("not_found", 404)
