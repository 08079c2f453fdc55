"""Triggers and delivery options, checked at the deploy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater import on
from tapwater_server.control import delivering, triggers
from tapwater_server.model.delivering import DeliveryOptions, Pace
from tapwater_server.model.function import Function, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId


def test_the_guest_knows_the_same_triggers_and_options() -> None:
    marks = {name for name in vars(on) if name in triggers.READERS}
    assert marks == set(triggers.READERS)
    assert set(on.Told.__annotations__) == set(delivering.READERS)


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ({}, DeliveryOptions()),
        ({"retries": 0}, DeliveryOptions(attempts_max=1)),
        ({"retries": ["1s", 60]}, DeliveryOptions(attempts_max=3, delays_s=(1.0, 60.0))),
        (
            {"retries": {"attempts": 9, "delays": ["1s"]}},
            DeliveryOptions(attempts_max=9, delays_s=(1.0,)),
        ),
        ({"retries": {"delays": "5s"}}, DeliveryOptions(attempts_max=2, delays_s=(5.0,))),
        ({"max_age": "1h", "delay": "2s"}, DeliveryOptions(age_s_max=3600.0, delay_s=2.0)),
        ({"key": "subject", "at_once": 3}, DeliveryOptions(key="subject", at_once=3)),
        ({"rate": "10/s per key"}, DeliveryOptions(pace=Pace(per_s=10.0, of_key=True))),
        ({"rate": "60/m"}, DeliveryOptions(pace=Pace(per_s=1.0))),
        ({"debounce": "5s", "priority": -3}, DeliveryOptions(debounce_s=5.0, priority=-3)),
        (
            {"on_success": "queue:a.b", "on_failure": "function:ops/[id]"},
            DeliveryOptions(on_success="queue:a.b", on_failure="function:ops/[id]"),
        ),
    ],
)
def test_options(written: dict[str, Any], options: DeliveryOptions) -> None:
    assert delivering.complain(written) == []
    assert delivering.choose(written) == options


@pytest.mark.parametrize(
    "wrong",
    [
        {"retries": -1},
        {"retries": True},
        {"retries": []},
        {"retries": ["soon"]},
        {"retries": {}},
        {"retries": {"tries": 3}},
        {"retries": {"attempts": 0}},
        {"retries": 1000},
        {"max_age": 0},
        {"key": "{"},
        {"at_once": 0},
        {"rate": "10"},
        {"rate": "0/s"},
        {"priority": 101},
        {"on_success": "nowhere"},
        {"on_failure": "queue:"},
        {"on_failure": "queue:a b"},
    ],
)
def test_what_cannot_be_meant(wrong: dict[str, Any]) -> None:
    assert len(delivering.complain(wrong)) == 1


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ("document_written", {"collection": "a/{b}"}),
        ("upload", {"path": "a/**"}),
        ("message", {"queue": "q", "retries": 3, "on_failure": "queue:dead"}),
        ("batch", {"queue": "q", "size": 1000, "window": "10ms"}),
        ("batch", {"topic": "t"}),
        ("topic", {"topic": "t", "key": "subject"}),
        ("schedule", {"cron": "every 5m", "tz": "Europe/Berlin", "missed": "all"}),
        ("mqtt", {"topic": "a/+/{c}/#"}),
        ("user_created", {}),
        ("event", {"type": "a.*", "source": ""}),
        ("webhook", {"name": "github", "secret": "S", "style": "github"}),
    ],
)
def test_what_is_fine(source: str, arguments: dict[str, Any]) -> None:
    assert triggers.complain(source, arguments) == []
    made = triggers.make(source, arguments, {"retries": 0})
    assert made.delivery.attempts_max == (4 if "retries" in arguments else 1)
    assert not set(made.arguments) & set(delivering.READERS)


@pytest.mark.parametrize(
    ("source", "arguments", "says"),
    [
        ("nonsense", {}, "there is no such trigger"),
        ("message", {}, "needs queue"),
        ("message", {"queue": ""}, "is no name"),
        ("webhook", {"name": "a", "secret": ""}, "secret"),
        ("message", {"queue": "q", "extra": 1}, "extra= is not one"),
        ("message", {"queue": "q", "key": "subject"}, "key= is said by who sends"),
        ("batch", {"size": 5}, "a queue, or topic="),
        ("batch", {"queue": "q", "topic": "t"}, "not both"),
        ("batch", {"queue": "q", "size": 0}, "size"),
        ("schedule", {"cron": "* * *"}, "cron"),
        ("schedule", {"cron": "* * * * *", "tz": "Nowhere"}, "tz"),
        ("schedule", {"cron": "* * * * *", "overlap": "maybe"}, "overlap"),
        ("webhook", {"name": "a", "secret": "S", "style": "x"}, "style"),
        ("event", {"type": "*a*b*c*d*e"}, "stars"),
    ],
)
def test_what_is_refused(source: str, arguments: dict[str, Any], says: str) -> None:
    [what] = triggers.complain(source, arguments)
    assert what.startswith(f"@on.{source}: ")
    assert says in what


def function(name: str, source: str, arguments: dict[str, Any]) -> Function:
    return Function(
        id=FunctionId(AppId("shop"), name),
        kind=Kind.REACTIVE,
        style=Style.EVENT,
        file=f"{name}.py",
        group="",
        triggers=(triggers.make(source, arguments, {}),),
    )


def test_what_is_wrong_only_together() -> None:
    functions = [
        function("a", "message", {"queue": "q"}),
        function("b", "batch", {"queue": "q"}),
        function("c", "webhook", {"name": "w", "secret": "A"}),
        function("d", "webhook", {"name": "w", "secret": "B"}),
        function("e", "event", {"type": "x", "on_failure": "function:gone"}),
        function("f", "event", {"type": "x", "on_success": "function:a"}),
    ]
    problems = triggers.complain_together(functions)
    assert [one["where"] for one in problems] == ["b.py", "d.py", "e.py"]
    assert "consumed by a already" in problems[0]["what"]


_VALUE = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.lists(st.text())


@given(
    st.sampled_from([*triggers.READERS, "x"]),
    st.dictionaries(
        st.sampled_from(
            ["queue", "topic", "collection", "path", "cron", "tz", *delivering.READERS]
        ),
        _VALUE,
    ),
)
def test_whatever_is_said_it_is_a_trigger_or_refused(source: str, said: dict[str, Any]) -> None:
    if not triggers.complain(source, said):
        triggers.make(source, said, {})
