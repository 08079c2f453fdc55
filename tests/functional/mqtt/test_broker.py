"""The broker of a real platform, with the client libraries people use."""

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator

import aiomqtt
import httpx
import pytest

from tests.functional.mqtt.clients import Phone, broker_port, certificate, heard
from tests.functional.running import REPOSITORY, Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

SHOP = {
    "reactive/heat.py": (
        "from tapwater import mqtt, on\n"
        '@on.mqtt("sensors/{id}/temperature")\n'
        "def heat(event):\n"
        '    warm = event.data["t"] > 20\n'
        '    mqtt.publish(f"fans/{event.params[\'id\']}", {"on": warm}, retain=True)\n'
    ),
    "reactive/echo.py": (
        "from tapwater import mqtt, on\n"
        '@on.mqtt("loop/+")\n'
        "def echo(event):\n"
        '    mqtt.publish("loop/again", "x")\n'
    ),
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("mqtt")
    cert, key = certificate(folder)
    settings = {
        "TAPWATER_MQTT": "1",
        "TAPWATER_MQTT_PORT": "0",
        "TAPWATER_MQTT_TLS_PORT": "0",
        "TAPWATER_TLS_CERT": str(cert),
        "TAPWATER_TLS_KEY": str(key),
    }
    with Platform(folder / "data", settings=settings) as running:
        running.http.close()
        trust = ssl.create_default_context(cafile=str(cert))
        running.http = httpx.Client(verify=trust, timeout=60.0)
        running.deploy(SHOP, "shop")
        yield running


@pytest.mark.parametrize("version", [311, 5])
def test_a_message_runs_a_function_and_its_answer_comes_back(
    platform: Platform, version: int
) -> None:
    with Phone(platform, client_id=f"fan-{version}", version=version) as fan:
        fan.subscribe(f"fans/{version}")
        with Phone(platform, client_id=f"sensor-{version}", version=version) as sensor:
            mid = sensor.publish(f"sensors/{version}/temperature", b'{"t": 21.5}', qos=2)
            sensor.until(lambda: mid in sensor.acknowledged, "the acknowledgement")
        fan.until(lambda: fan.got, "what the function published")
    assert json.loads(fan.got[0].payload) == {"on": True}
    [event] = [one for one in heard(platform) if one["subject"].startswith(f"sensors/{version}/")]
    assert event["data"] == {"t": 21.5}
    said = event["extensions"]
    assert (said["qos"], said["client"]) == (2, f"sensor-{version}")


def test_over_tls_with_a_certificate_that_is_checked(platform: Platform) -> None:
    ca = platform.data.parent / "cert.pem"
    port = broker_port(platform, "mqtts")
    with Phone(platform, client_id="tls", port=port, ca=ca) as phone:
        phone.subscribe("tls/#")
        big = os.urandom(200_000)
        phone.publish("tls/big", big, qos=2)
        phone.until(lambda: phone.got, "the message")
        assert phone.payloads() == [big]


def test_the_wrong_password_and_another_apps_token(platform: Platform) -> None:
    phone = Phone(platform, client_id="x")
    phone.paho.username_pw_set("shop", "wrong")
    phone.paho.connect("127.0.0.1", broker_port(platform))
    phone.paho.loop_start()
    phone.until(lambda: phone.reason, "the CONNACK")
    phone.paho.loop_stop()
    assert phone.reason == "Bad user name or password"
    made = platform.api("POST", "/tokens", json={"name": "b", "admin": False, "apps": ["blog"]})
    phone = Phone(platform, client_id="y", version=311)
    phone.paho.username_pw_set("shop", made.json()["token"])
    phone.paho.connect("127.0.0.1", broker_port(platform))
    phone.paho.loop_start()
    phone.until(lambda: phone.reason, "the CONNACK")
    phone.paho.loop_stop()
    assert "ad user name or password" in phone.reason


async def test_an_asyncio_client(platform: Platform) -> None:
    async with aiomqtt.Client(
        "127.0.0.1", broker_port(platform), username="shop", password=platform.token
    ) as client:
        await client.subscribe("aio/#", qos=1)
        await client.publish("aio/1", b"hello", qos=1)
        async for message in client.messages:
            assert (str(message.topic), message.payload) == ("aio/1", b"hello")
            break


def test_a_loop_of_messages_is_stopped(platform: Platform) -> None:
    with Phone(platform, client_id="looper") as phone:
        phone.publish("loop/start", b"1")

        def depths() -> list[int]:
            query = {"type": "tapwater.mqtt.message", "subject": "loop/*", "limit": "100"}
            said = platform.api("GET", "/apps/shop/events", params=query).json()
            return [one.get("depth", 0) for one in said["events"]]

        dead = "/apps/shop/events/dead"
        until(lambda: bool(platform.api("GET", dead).json()["deliveries"]), "a dead letter")
        assert len(depths()) < 30


def test_over_http_and_by_command(platform: Platform) -> None:
    with Phone(platform, client_id="lamp") as lamp:
        lamp.subscribe("lamps/#", 1)
        query = {"topic": "lamps/1", "retain": "true"}
        said = platform.api("POST", "/apps/shop/mqtt/publish", params=query, content=b"on")
        assert said.status_code == 200
        lamp.until(lambda: lamp.got, "the message")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(platform.data.parent),
            "PYTHONPATH": str(REPOSITORY / "src"),
            "TAPWATER_URL": platform.url,
            "TAPWATER_TOKEN": platform.token,
            "SSL_CERT_FILE": str(platform.data.parent / "cert.pem"),
        }

        def command(*words: str) -> str:
            run = [sys.executable, "-m", "tapwater_server", "mqtt", *words, "--app", "shop"]
            done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert "lamps/1" in command("pub", "lamps/1", "off", "--retain")
        lamp.until(lambda: len(lamp.got) == 2, "the message")
        assert lamp.payloads() == [b"on", b"off"]
        assert command("sub", "lamps/#", "-n", "1") == "lamps/1 (retained) off\n"
        assert "lamps/1  off" in command("retained", "lamps/#")
        assert "lamp " in command("clients")
        assert "mqtts://127.0.0.1:" in command("status")
        shown = json.loads(command("clients", "--json"))["clients"]
        assert [one["version"] for one in shown if one["client"] == "lamp"] == ["5"]
    gone = platform.api("DELETE", "/apps/shop/mqtt/clients/nobody")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert platform.api("POST", "/apps/shop/mqtt/publish", content=b"x").status_code == 400


def test_what_is_no_mqtt_hurts_nobody(platform: Platform) -> None:
    port = broker_port(platform)
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + os.urandom(500), b"\xff" * 50):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            raw.sendall(rubbish)
            assert raw.recv(100) == b""
    assert platform.api("GET", "/apps/shop/mqtt/status").status_code == 200
    assert "Traceback" not in platform.log()


ELSEWHERE = """
[mqtt]
url = "mqtt://127.0.0.1:{port}"
user = "shop"
password_secret = "BROKER"
"""


def test_a_broker_elsewhere(platform: Platform) -> None:
    """Here the broker elsewhere is our own, of another app: what it says is what any says."""
    app = {
        "tapwater.toml": ELSEWHERE.format(port=broker_port(platform)),
        "reactive/note.py": (
            "from tapwater import on\n"
            '@on.mqtt("far/{place}")\n'
            "def note(event):\n"
            "    print(event.data)\n"
        ),
    }
    platform.deploy(app, "far")

    def elsewhere() -> dict[str, object]:
        said = platform.api("GET", "/apps/far/mqtt/status").json()["elsewhere"]
        assert isinstance(said, dict)
        return said

    until(lambda: elsewhere()["error"] != "", "the refusal without a password")
    assert "user name or password is not right" in str(elsewhere()["error"])
    secret = {"value": platform.token}
    assert platform.api("PUT", "/apps/far/secrets/BROKER", json=secret).status_code == 204
    until(lambda: bool(elsewhere()["connected"]), "the connection")
    shop = "/apps/shop/mqtt/clients"
    names = [one["client"] for one in platform.api("GET", shop).json()["clients"]]
    [ours] = [name for name in names if name.startswith("tapwater-far-")]
    with Phone(platform, client_id="far-sender") as phone:
        phone.publish("far/away", b"1")
        phone.publish("near", b"2")
        until(lambda: len(heard(platform, "far")) == 1, "the event")
        platform.api("DELETE", f"{shop}/{ours}")

        def is_back() -> bool:
            known = platform.api("GET", shop).json()["clients"]
            return any(one["client"] == ours and one["subscriptions"] for one in known)

        until(is_back, "the next connection")
        phone.publish("far/again", b'"x"')
        until(lambda: len(heard(platform, "far")) == 2, "the second event")
    assert [one["subject"] for one in heard(platform, "far")] == ["far/away", "far/again"]
    until(lambda: len(platform.logs(app="far")) == 2, "the function's words")
