"""Messages of MQTT clients are on the bill once a second, each once."""

from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import Use
from tapwater_server.services.mqtt.billing import UNTOLD_MAX, Billing
from tapwater_server.services.mqtt.spaces import Space
from tapwater_server.testing.clock import ManualClock


def test_each_message_is_told_once() -> None:
    meter, space = MemoryMeter(), Space(AppId("shop"))
    uses: list[Use] = []
    meter.when_used(uses.append)
    billing = Billing(spaces=lambda: {space.app: space}, meter=meter, clock=ManualClock())
    assert billing.step() == 0
    space.client_messages += 3
    assert billing.step() == 3
    assert billing.step() == 0
    assert [(one.app, one.quantity, one.amount) for one in uses] == [("shop", "mqtt_messages", 3)]


def test_much_is_told_at_once_when_a_budget_is_to_be_asked() -> None:
    meter, space = MemoryMeter(), Space(AppId("shop"))
    uses: list[Use] = []
    meter.when_used(uses.append)
    billing = Billing(spaces=lambda: {space.app: space}, meter=meter, clock=ManualClock())
    space.client_messages = UNTOLD_MAX - 1
    billing.tell(space.app)
    assert uses == []
    space.client_messages += 1
    billing.tell(space.app)
    billing.tell(AppId("blog"))
    assert [one.amount for one in uses] == [UNTOLD_MAX]
    assert billing.step() == 0
