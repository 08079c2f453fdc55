"""Messages of MQTT clients are on the app's bill, each in and each out once."""

from collections.abc import Iterator

import pytest

from tests.functional.mqtt.clients import Phone
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    settings = {"TAPWATER_MQTT": "1", "TAPWATER_MQTT_PORT": "0"}
    with Platform(tmp_path_factory.mktemp("mqtt") / "data", settings=settings) as running:
        running.deploy({"restful/hello.py": "def get():\n    return 1\n"}, "shop")
        yield running


def billed(platform: Platform) -> int:
    bill = platform.api("GET", "/bills", params={"by": "app"}).json()
    return sum(int(line["used"].get("mqtt_messages", 0)) for line in bill["lines"])


def test_each_message_in_and_out_counts(platform: Platform) -> None:
    with (
        Phone(platform, client_id="ears") as ears,
        Phone(platform, client_id="mouth") as mouth,
    ):
        ears.subscribe("a/#")
        for number in range(5):
            mouth.publish(f"a/{number}", b"x", qos=1)
        ears.until(lambda: len(ears.got) == 5, "five messages")
        until(lambda: billed(platform) == 10, "five in and five out are billed")
        said = platform.api("POST", "/apps/shop/mqtt/publish?topic=a/http", content=b"x")
        assert said.is_success, said.text
        ears.until(lambda: len(ears.got) == 6, "the one over HTTP")
        until(lambda: billed(platform) == 12, "one over HTTP and one out are billed")
