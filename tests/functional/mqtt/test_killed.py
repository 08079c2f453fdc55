"""kill -9 of the platform with messages of QoS 1 and 2 under way: what was acknowledged is there,
and what is to come once comes once."""

import socket
from pathlib import Path

import pytest

from tests.functional.mqtt.clients import Phone, heard
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

APP = {
    "reactive/count.py": (
        'from tapwater import on\n@on.mqtt("n/+")\ndef count(event):\n    print(event.data)\n'
    )
}
KILLS = 3
EACH = 150


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_what_is_acknowledged_survives(tmp_path: Path) -> None:
    port = free_port()
    settings = {"TAPWATER_MQTT": "1", "TAPWATER_MQTT_PORT": str(port)}
    with Platform(tmp_path / "data", settings=settings) as platform:
        platform.deploy(APP, "shop")
        sent: dict[int, tuple[int, int]] = {}
        with (
            Phone(platform, client_id="ear", kept=True) as ear,
            Phone(platform, client_id="mouth", kept=True) as mouth,
        ):
            ear.subscribe("n/#", 2)
            number = 0
            for _ in range(KILLS):
                before = len(mouth.acknowledged)
                for _ in range(EACH):
                    number += 1
                    qos = 1 + number % 2
                    mid = mouth.publish(f"n/{qos}", str(number).encode(), qos)
                    sent[mid] = (number, qos)
                mouth.until(
                    lambda before=before: len(mouth.acknowledged) > before + 20,
                    "some acknowledgements",
                )
                platform.kill()
                platform.start()
            mouth.until(lambda: len(mouth.acknowledged) == len(sent), "all acknowledgements")
            wanted = {number for number, _ in sent.values()}
            ear.until(lambda: {int(one) for one in ear.payloads()} == wanted, "all messages")
        until(lambda: {int(one["data"]) for one in heard(platform)} == wanted, "all events")
        twice = [number for number, qos in sent.values() if qos == 2]
        got = [int(one) for one in ear.payloads()]
        assert [number for number in twice if got.count(number) != 1] == []
        told = [int(one["data"]) for one in heard(platform)]
        assert [number for number in twice if told.count(number) != 1] == []
        ran = {int(line["text"]) for line in platform.logs(app="shop", limit="1000")}
        assert ran  # Every one is run in the end; that is the dispatcher's own test.
