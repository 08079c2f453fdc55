"""Who is told of an event, with which parameters, under which name."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.events.matching import WHOLE, Listeners, Match, draw, errand_id, errand_of
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.event import ORIGINAL_ID, Event
from tapwater_server.model.function import Function, Kind, Style, Trigger
from tapwater_server.model.ids import AppId, FunctionId
from tapwater_server.ports.bus import ERRAND_BYTES_MAX

SHOP = AppId("shop")


def function(name: str, *triggers: Trigger) -> Function:
    return Function(
        id=FunctionId(SHOP, name),
        kind=Kind.REACTIVE,
        style=Style.EVENT,
        file=f"{name}.py",
        group="",
        triggers=triggers,
    )


def event(type: str, subject: str = "", source: str = "/x", **more: Any) -> Event:
    return Event(id="e1", app=SHOP, type=type, source=source, subject=subject, **more)


def match(trigger: Trigger, happened: Event, name: str = "a/f") -> Match | None:
    found = Listeners([function(name, trigger)]).match(happened)
    return found[0] if found else None


def params(source: str, arguments: dict[str, Any], happened: Event) -> Any:
    found = match(Trigger(source=source, arguments=arguments), happened)
    return None if found is None else dict(found.params)


def stored(bucket: str, key: str) -> Event:
    return event("tapwater.blob.stored", key, f"/blobs/{bucket}")


def tick(name: str) -> Event:
    return event("tapwater.schedule.tick", source=f"/schedules/{name}")


DOCS = {"collection": "users/{id}"}
WRITTEN = ["document_created", "document_updated", "document_deleted"]


@pytest.mark.parametrize(
    ("source", "arguments", "happened", "found"),
    [
        ("document_created", DOCS, event("tapwater.document.created", "users/7"), {"id": "7"}),
        ("document_created", DOCS, event("tapwater.document.updated", "users/7"), None),
        ("document_created", DOCS, event("tapwater.document.created", "users/7/x/8"), None),
        ("document_written", DOCS, event("tapwater.document.deleted", "users/7"), {"id": "7"}),
        ("upload", {"path": "pics/{n}.png"}, stored("pics", "a.png"), {"n": "a"}),
        ("upload", {"path": "pics/**"}, stored("other", "a/b"), None),
        ("blob_deleted", {"path": "pics/**"}, stored("pics", "a/b"), None),
        ("user_created", {}, event("tapwater.user.created", "u1"), {}),
        ("user_confirmed", {}, event("tapwater.user.created", "u1"), None),
        ("mqtt", {"topic": "s/{id}/#"}, event("tapwater.mqtt.message", "s/3/t"), {"id": "3"}),
        ("topic", {"topic": "news"}, event("tapwater.topic.message", source="/topics/news"), {}),
        ("topic", {"topic": "news"}, event("tapwater.topic.message", source="/topics/old"), None),
        ("batch", {"topic": "news"}, event("tapwater.topic.message", source="/topics/news"), {}),
        ("batch", {"queue": "news"}, event("tapwater.topic.message", source="/topics/news"), None),
        ("message", {"queue": "q"}, event("tapwater.queue.message", source="/queues/q"), None),
        ("schedule", {"cron": "* * * * *"}, tick("a/f"), {}),
        ("schedule", {"cron": "* * * * *"}, tick("a/f#0"), {}),
        ("schedule", {"cron": "* * * * *"}, tick("b"), None),
        ("webhook", {"name": "github", "secret": "S"}, event("tapwater.webhook.github"), {}),
        ("webhook", {"name": "github", "secret": "S"}, event("tapwater.webhook.other"), None),
        ("event", {"type": "a.b"}, event("a.b"), {}),
        ("event", {"type": "a.*"}, event("a.b"), {}),
        ("event", {"type": "a.*", "source": "/x*"}, event("a.b"), {}),
        ("event", {"type": "a.*", "source": "/y"}, event("a.b"), None),
        ("event", {"type": "*"}, event("anything"), {}),
    ],
)  # fmt: skip
def test_what_a_trigger_hears(
    source: str, arguments: dict[str, Any], happened: Event, found: Any
) -> None:
    assert params(source, arguments, happened) == found


def test_several_schedules_are_told_apart() -> None:
    triggers = [Trigger(source="schedule", arguments={"cron": f"{n} * * * *"}) for n in range(2)]
    listeners = Listeners([function("a", *triggers)])
    for n in range(2):
        [found] = listeners.match(event("tapwater.schedule.tick", source=f"/schedules/a#{n}"))
        assert found.listener.index == n


def test_a_function_is_told_once_whatever_fits() -> None:
    both = [Trigger(source="event", arguments={"type": one}) for one in ("a.*", "*", "a.b")]
    listeners = Listeners([function("f", *both), function("g", both[0])])
    found = listeners.match(event("a.b"))
    assert [one.listener.function.id.name for one in found] == ["f", "g"]


def told(happened: Event, **options: Any) -> Any:
    trigger = Trigger(source="event", arguments={"type": "*"}, delivery=DeliveryOptions(**options))
    found = match(trigger, happened)
    assert found is not None
    return errand_of(found, happened, now=100.0)


def test_an_errand_made_again_is_the_same() -> None:
    happened = event("a", data=b"1")
    assert told(happened) == told(happened)
    assert told(happened).id == errand_id(happened, "shop:a/f")
    assert errand_id(happened, "shop:a/g") != errand_id(happened, "shop:a/f")
    assert errand_id(happened, "shop:a/f", salt="again") != errand_id(happened, "shop:a/f")


def test_the_chain_goes_on() -> None:
    first = told(event("a"))
    assert (first.root, first.depth) == ("e1", 0)
    cause = f"00-{'a' * 32}-{'b' * 16}-01"
    later = told(event("a", root="r", depth=3, trace=cause))
    assert (later.root, later.depth) == ("r", 3)
    assert later.trace[:36] == cause[:36]  # The same trace, and in it the event's own span.
    assert later.trace == told(event("a", trace=cause)).trace != cause


def test_keys() -> None:
    happened = event("a", "s", key="k", data=b'{"user": 7}')
    assert (told(happened).key, told(happened).at_once) == ("k", 1)
    assert told(happened, key="{subject}-{data.user}").key == "s-7"
    whole = told(happened, at_once=3)
    assert (whole.key, whole.at_once) == (WHOLE, 3)
    assert told(event("a", data=b"{not json", key="k"), key="data.user").key == ""


def test_waiting() -> None:
    quick = told(event("a", "s"), debounce_s=5.0, delay_s=10.0, key="subject")
    assert (quick.replaces, quick.not_before, quick.replaced_s_max) == ("s", 115.0, 50.0)
    assert told(event("a")).not_before == 0.0


def test_what_is_told_is_a_cloudevent() -> None:
    happened = event("a", "s", data=b'{"n":1}', extensions={"shelf": 3, ORIGINAL_ID: "o"}, at=1.0)
    assert json.loads(told(happened).body) == {
        "specversion": "1.0",
        "id": "o",
        "type": "a",
        "source": "/x",
        "subject": "s",
        "time": "1970-01-01T00:00:01Z",
        "shelf": 3,
        "data": {"n": 1},
    }


def test_other_data_than_json() -> None:
    text = json.loads(told(event("a", data=b"hi", content_type="text/plain")).body)
    assert (text["data"], text["datacontenttype"]) == ("hi", "text/plain")
    raw = json.loads(told(event("a", data=b"\xff", content_type="text/plain")).body)
    assert raw["data_base64"] == "/w=="


def test_what_is_too_large_is_named_only() -> None:
    large = msgspec.json.encode("x" * ERRAND_BYTES_MAX)
    assert told(event("a", data=large)).body == b""


@given(st.text(max_size=30))
def test_a_draw_is_a_chance_and_stays(text: str) -> None:
    assert 0 <= draw(text) < 1
    assert draw(text) == draw(text)


def test_draws_are_spread() -> None:
    drawn = [draw(str(n)) for n in range(2000)]
    assert 0.45 < sum(drawn) / len(drawn) < 0.55


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.binary(max_size=40))
def test_no_event_breaks_it(type: str, subject: str, source: str, data: bytes) -> None:
    triggers = [
        Trigger(source="event", arguments={"type": "*"}, delivery=DeliveryOptions(key="data.a")),
        Trigger(source="mqtt", arguments={"topic": "#"}),
        Trigger(source="upload", arguments={"path": "**"}),
    ]
    happened = event(type, subject, source, data=data, content_type="application/octet-stream")
    for found in Listeners([function("f", *triggers)]).match(happened):
        assert errand_of(found, happened, now=0.0).line == "f:shop:f"
