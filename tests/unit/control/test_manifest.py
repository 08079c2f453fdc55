"""Manifests: what a module says of itself, believed only where it can be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.control.layout import Found
from tapwater_server.control.manifest import DEPTH_MAX, Read, read_manifest
from tapwater_server.model.delivering import DeliveryOptions, Pace
from tapwater_server.model.function import Kind, Route, Style, Trigger
from tapwater_server.model.ids import AppId

SHOP = AppId("shop")
GET: dict[str, Any] = {"wire": 1, "kind": "restful", "style": "verbs", "verbs": ["GET"]}
EVENT: dict[str, Any] = {
    "wire": 1,
    "kind": "reactive",
    "style": "event",
    "triggers": [{"source": "schedule", "arguments": {"cron": "* * * * *"}}],
}


def found(kind: Kind | None = Kind.RESTFUL) -> Found:
    folder = (kind or Kind.RESTFUL).value
    path = "/users-api/a" if kind is not Kind.REACTIVE else ""
    return Found(name="users/a", group="users", file=f"users/{folder}/a.py", kind=kind, path=path)


def read(raw: dict[str, Any], kind: Kind | None = Kind.RESTFUL, **sources: Any) -> Read:
    return read_manifest(raw, app=SHOP, found=found(kind), sources=[sources])


def test_a_restful_function() -> None:
    said = {**GET, "websocket": True, "body": False, "options": {"memory": "64MB", "auth": "user"}}
    got = read({**said, "warnings": ["careful"], "schemas": {"A": {}}}, timeout="5s")
    function = got.function
    assert function is not None
    assert str(function.id) == "shop:users/a"
    assert function.route == Route(path="/users-api/a", verbs=frozenset({"GET"}), websocket=True)
    assert function.limits.memory_bytes == 64 << 20
    assert function.limits.timeout_s == 5.0
    assert (function.auth, function.body, function.trigger) == ("user", False, None)
    assert got.warnings == ("careful",)
    assert got.schemas == {"A": {}}


def test_a_reactive_function() -> None:
    got = read({**EVENT, "options": {"retries": 3}}, Kind.REACTIVE).function
    assert got is not None
    assert (got.kind, got.style, got.route) == (Kind.REACTIVE, Style.EVENT, None)
    assert got.trigger == Trigger(
        source="schedule",
        arguments={"cron": "* * * * *"},
        delivery=DeliveryOptions(attempts_max=4),
    )
    assert got.delivery.attempts_max == 4


def test_a_single_file_says_itself_what_it_is() -> None:
    for raw, kind in ((GET, Kind.RESTFUL), (EVENT, Kind.REACTIVE)):
        got = read(raw, None).function
        assert got is not None
        assert got.kind is kind


def test_a_mounted_app() -> None:
    got = read({**GET, "style": "asgi", "mount": True, "verbs": []}).function
    assert got is not None
    assert got.route == Route(path="/users-api/a", mount=True)


def test_a_schedule_in_options() -> None:
    got = read({**GET, "options": {"schedule": "0 * * * *"}}).function
    assert got is not None
    assert got.trigger == Trigger(source="schedule", arguments={"cron": "0 * * * *"})


def test_a_late_import_that_was_found_out() -> None:
    got = read({**GET, "after_fork_import": True})
    assert got.late
    assert got.function is not None
    assert got.function.after_fork_import


@pytest.mark.parametrize(
    ("raw", "kind", "says"),
    [
        ({}, Kind.RESTFUL, "cannot be understood"),
        ({**GET, "verbs": "GET"}, Kind.RESTFUL, "cannot be understood"),
        ({**GET, "kind": "evil"}, Kind.RESTFUL, "not known"),
        ({**GET, "style": "evil"}, Kind.RESTFUL, "not known"),
        ({**GET, "wire": 2}, Kind.RESTFUL, "version 2"),
        ({**GET, "verbs": ["TRACE"]}, Kind.RESTFUL, "unknown verbs"),
        ({**GET, "options": {"memory": 1}}, Kind.RESTFUL, "memory"),
        ({**GET, "operations": {"x": "y" * (2 << 20)}}, Kind.RESTFUL, "MiB"),
        (EVENT, Kind.RESTFUL, "move it to reactive/"),
        (GET, Kind.REACTIVE, "no @on"),
        ({**EVENT, "triggers": []}, Kind.REACTIVE, "names none"),
        ({**EVENT, "triggers": [{"source": "../x"}]}, Kind.REACTIVE, "no such trigger"),
        ({**EVENT, "triggers": EVENT["triggers"] * 17}, Kind.REACTIVE, "more than 16"),
        ({**EVENT, "options": {"schedule": "@daily"}}, Kind.REACTIVE, "besides"),
        ({**GET, "options": {"schedule": "at dawn"}}, Kind.RESTFUL, "schedule"),
    ],
)
def test_what_is_refused(raw: dict[str, Any], kind: Kind, says: str) -> None:
    got = read(raw, kind)
    assert got.function is None
    assert says in got.problems[0]["what"]
    assert got.problems[0]["where"] == found(kind).file


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*GET, *EVENT, "options", "body", "mount", "x"]), _JSON))
def test_whatever_it_says_it_is_read_or_refused(raw: dict[str, Any]) -> None:
    for start in ({}, GET, EVENT):
        got = read({**start, **raw}, None)
        assert (got.function is None) == bool(got.problems)


@pytest.mark.parametrize(
    "operation",
    [
        "text",
        None,
        {"parameters": 5},
        {"parameters": ["name"]},
        {"parameters": [{"in": "path", "name": ["a", "list"]}]},
        {"responses": [1]},
    ],
)
def test_operations_that_no_description_can_be_made_of_are_refused(operation: Any) -> None:
    """The gateway hung up on who asked for such a group's openapi.json."""
    assert read({**GET, "operations": {"get": operation}}).problems


def test_values_within_values_have_a_ceiling() -> None:
    """Written with some stack to spare, a revision might not be read again at the next start."""
    deep: Any = {}
    for _ in range(DEPTH_MAX):
        deep = {"a": deep}
    assert read({**GET, "schemas": deep}).problems
    assert read({**GET, "schemas": {"a": {"a": [{"a": [1]}]}}}).function is not None


def test_a_rate_per_key_is_for_deliveries() -> None:
    said = {"rate": "5/s per key"}
    got = read({**EVENT, "options": said}, Kind.REACTIVE).function
    assert got is not None
    assert got.trigger is not None
    assert got.trigger.delivery.pace == Pace(per_s=5.0, of_key=True)
    assert got.limits.rate_per_s is None
    [problem] = read({**GET, "options": said}).problems
    assert "per key" in problem["what"]


def test_only_what_answers_requests_repeats_answers() -> None:
    restful = read({**GET, "options": {"idempotent": True}}).function
    assert restful is not None
    assert restful.idempotent
    reactive = read(EVENT, Kind.REACTIVE, idempotent=True).function
    assert reactive is not None
    assert not reactive.idempotent
