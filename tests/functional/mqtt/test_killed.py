"""kill -9 of the platform with messages of QoS 1 and 2 under way: what was acknowledged is there,
and what is to come once comes once."""

import socket
from collections import Counter
from pathlib import Path

import pytest

from tests.functional.mqtt.clients import Phone, heard
from tests.functional.mqtt.strict import Strict
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
        with (
            Phone(platform, client_id="ear", kept=True) as ear,
            Strict(port, user="shop", password=platform.token) as mouth,
        ):
            ear.subscribe("n/#", 2)
            number = 0
            for _ in range(KILLS):
                for _ in range(EACH):
                    number += 1
                    mouth.publish(f"n/{1 + number % 2}", str(number).encode(), 1 + number % 2)
                mouth.settle(left=EACH - 40)
                platform.kill()
                platform.start()
                mouth.connect()
            mouth.settle(left=0)
            assert mouth.acknowledged == number
            wanted = set(range(1, number + 1))
            ear.until(lambda: {int(one) for one in ear.payloads()} == wanted, "all messages")
        until(lambda: {int(one["data"]) for one in heard(platform)} == wanted, "all events")
        once = Counter(int(one) for one in ear.payloads())
        told = Counter(int(one["data"]) for one in heard(platform))
        of_qos_2 = range(1, number + 1, 2)
        assert [n for n in of_qos_2 if once[n] != 1] == []
        assert [n for n in of_qos_2 if told[n] != 1] == []
