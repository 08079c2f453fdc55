"""The IoT pipeline: MQTT, a queue, batches into minutes, an alert by mail; all of it real."""

from collections.abc import Iterator

import httpx
import pytest

from tests.functional.examples.conftest import EXAMPLES
from tests.functional.mqtt.clients import Phone, broker_port
from tests.functional.running import Platform
from tests.functional.smtp import Receiver
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
READINGS = 500  # A batch is told when it is full; a test cannot wait for its minute.


@pytest.fixture(scope="module")
def iot(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("iot") / "data"
    settings = {
        "TAPWATER_MQTT": "1",
        "TAPWATER_MQTT_PORT": "0",
        "TAPWATER_SMTP_URL": receiver.url,
    }
    with Platform(data, settings=settings) as running:
        running.deploy(EXAMPLES / "iot", "iot")
        yield running


def test_five_hundred_readings_become_minutes_and_an_alert(
    iot: Platform, receiver: Receiver
) -> None:
    port = broker_port(iot, app="iot")
    with Phone(iot, app="iot", client_id="oven", port=port) as oven:
        oven.publish("sensors/oven/temperature", b"warm")
        sent = [
            oven.publish("sensors/oven/temperature", b"%d" % (95 if number == 7 else 20))
            for number in range(READINGS)
        ]
        oven.until(lambda: oven.acknowledged.issuperset(sent), "the acknowledgements")
    until(lambda: counted(iot) == READINGS, "not all readings are counted", seconds=90)
    mail = receiver.next_mail()
    assert mail["to"] == "caretaker@example.com"
    assert mail["subject"] == "oven is at 95 °C"


def counted(iot: Platform) -> int:
    answer: httpx.Response = iot.get("/sensors-api/minutes?sensor=oven")
    return sum(one["count"] for one in answer.json())
