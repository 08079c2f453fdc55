"""What operators and apps may say about MQTT, and what is refused."""

import pytest

from tapwater_server.assembly.settings import parse
from tapwater_server.model.errors import SettingsError
from tapwater_server.model.mqtt import parse_elsewhere
from tapwater_server.services.mqtt.happening import content_type


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ({"mqtt_port": "70000"}, "mqtt_port"),
        ({"mqtt_anonymous": "Not an app"}, "mqtt_anonymous"),
        ({"mqtt_anonymous": "shop", "dev": "1", "mqtt_host": "0.0.0.0"}, "mqtt_host"),
        ({"mqtt_keep_alive_s_max": "-1"}, "mqtt_keep_alive_s_max"),
    ],
)
def test_settings_that_cannot_be_meant(said: dict[str, str], about: str) -> None:
    with pytest.raises(SettingsError, match=about):
        parse({"data": "/d", **said})


def test_it_is_off_and_on_loopback_unless_asked_for() -> None:
    settings = parse({"data": "/d"})
    assert (settings.mqtt, settings.mqtt_host, settings.mqtt_anonymous) == (False, "127.0.0.1", "")


def test_a_broker_elsewhere() -> None:
    found, complaints = parse_elsewhere(
        {"url": "mqtts://broker.example:99", "user": "u", "password_secret": "P"}
    )
    assert complaints == []
    assert found is not None
    assert (found.host, found.port, found.tls, found.version) == ("broker.example", 99, True, "5")
    assert parse_elsewhere({}) == (None, [])


@pytest.mark.parametrize(
    "said",
    [
        {"url": "http://x"},
        {"url": "mqtt://"},
        {"url": "mqtt://x:99999"},
        {"url": "mqtt://u:p@x"},
        {"url": "mqtt://x", "password": "in the clear"},
        {"url": "mqtt://x", "password_secret": "not a name"},
        {"url": "mqtt://x", "version": "4"},
        {"url": "mqtt://x", "qos": "1"},
        {"url": 7},
    ],
)
def test_what_is_no_broker(said: dict[str, object]) -> None:
    found, complaints = parse_elsewhere(said)
    assert found is None
    assert complaints


def test_deep_json_is_only_text() -> None:
    assert content_type(b"[" * 100_000).startswith("text/plain")
