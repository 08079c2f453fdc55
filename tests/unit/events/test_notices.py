"""What an app's log says of dead letters."""

from tapwater_server.events.audience import Target
from tapwater_server.events.notices import REASON_LENGTH_MAX, Notices, dead_letter
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.function import Function, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId
from tapwater_server.ports.bus import Delivery, Errand
from tapwater_server.ports.meter import LogLine
from tapwater_server.testing.clock import ManualClock

SHOP = AppId("shop")


def delivery(*, function: str = "", lost: int = 0) -> Delivery:
    errand = Errand(id="d1", app=SHOP, line="l", body=b"", function=function, event="e1")
    return Delivery(errand=errand, attempt=2, lost=lost, leased_until=0.0, published_at=0.0, seq=1)


def test_it_lies_in_the_log_of_the_function_that_was_to_be_told() -> None:
    clock = ManualClock()
    said: list[LogLine] = []
    notices = Notices(logs=said.append, clock=clock)
    consumer = Function(
        id=FunctionId(app=SHOP, name="mails/send"),
        kind=Kind.REACTIVE,
        style=Style.EVENT,
        file="reactive/mails.py",
        group="mails",
    )
    queue = Target(app=SHOP, function=consumer, options=DeliveryOptions(), queue="mails")
    notices.gave_up(delivery(), queue, "no")
    notices.gave_up(delivery(function="shop:orders/ship"), None, "no")
    assert [(one.app, one.function, one.level, one.at) for one in said] == [
        (SHOP, "mails/send", "error", clock.now()),
        (SHOP, "orders/ship", "error", clock.now()),
    ]
    assert "`tapwater events dead --queue mails`" in said[0].text


def test_it_says_how_often_and_never_at_length() -> None:
    text = dead_letter(delivery(lost=11), "x" * 1_000_000)
    assert text.endswith("(delivery=d1 event=e1 attempts=2 lost=11)")
    assert len(text) < REASON_LENGTH_MAX + 200
