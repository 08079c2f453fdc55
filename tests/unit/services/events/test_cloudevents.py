"""CloudEvents over HTTP, read: the public cases of cloudevents/conformance, and hostile ones."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.events.envelope import enveloped
from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.services.events.cloudevents import (
    BATCHED,
    DATA_BYTES_MAX,
    STRUCTURED,
    Where,
    read,
)

WHERE = Where(app=AppId("shop"), now=100.0)
GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "type": "com.example.someevent",
    "time": "2018-04-05T03:56:24Z",
    "id": "1234-1234-1234",
    "source": "/mycontext/subcontext",
}


def structured(said: Any, kind: str = STRUCTURED) -> Event:
    [event] = read({"content-type": kind}, json.dumps(said).encode(), WHERE)
    return event


def binary(body: bytes, kind: str = "application/json", **attributes: str) -> Event:
    headers = {f"ce-{name}": str(value) for name, value in {**GOOD, **attributes}.items()}
    [event] = read({**headers, "content-type": kind}, body, WHERE)
    return event


def told(event: Event) -> Any:
    return json.loads(enveloped(event, {}))


@pytest.mark.parametrize("kind", [STRUCTURED, f"{STRUCTURED}; charset=utf-8", "application/json"])
def test_structured_mode(kind: str) -> None:
    event = structured({**GOOD, "data": {"message": "Hello World!"}}, kind)
    assert told(event) == {**GOOD, "data": {"message": "Hello World!"}}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_binary_mode(kind: str) -> None:
    event = binary(b'{\n    "message": "Hello World!"\n}', kind)
    said = told(event)
    assert said.pop("datacontenttype", "application/json") == kind
    assert said == {**GOOD, "data": {"message": "Hello World!"}}


def test_binary_mode_with_other_data_and_coded_headers() -> None:
    event = binary(b"\x00\xff", "image/png", subject="a%20%C3%BC", shelf="7")
    said = told(event)
    assert (said["data_base64"], said["datacontenttype"]) == ("AP8=", "image/png")
    assert (said["subject"], said["shelf"]) == ("a ü", "7")


def test_a_batch() -> None:
    body = json.dumps([{**GOOD, "id": str(n)} for n in range(3)]).encode()
    events = read({"content-type": BATCHED}, body, WHERE)
    assert [told(one)["id"] for one in events] == ["0", "1", "2"]
    assert read({"content-type": BATCHED}, b"[]", WHERE) == []


def test_source_and_id_together_are_the_name() -> None:
    here = [structured({**GOOD, "source": source}).id for source in ("/a", "/b", "/events")]
    assert len(set(here)) == 3
    assert here[2] == GOOD["id"]
    assert structured({**GOOD, "source": "/a"}).id == here[0]


def test_what_we_make_of_known_extensions() -> None:
    event = structured({**GOOD, "partitionkey": "k", "traceparent": "00-1", "dataschema": "/s"})
    assert (event.key, event.trace) == ("k", "00-1")
    assert told(event)["dataschema"] == "/s"


@pytest.mark.parametrize(
    ("said", "data", "kind"),
    [
        ({"data": "hi", "datacontenttype": "text/plain"}, b"hi", "text/plain"),
        ({"data": "hi"}, b'"hi"', "application/json"),
        ({"data": None}, b"null", "application/json"),
        ({}, b"", "application/json"),
        ({"data_base64": "AP8=", "datacontenttype": "image/png"}, b"\x00\xff", "image/png"),
    ],
)
def test_data(said: dict[str, Any], data: bytes, kind: str) -> None:
    event = structured({**GOOD, **said})
    assert (event.data, event.content_type) == (data, kind)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T01:00:10+01:00", 10.0),
        ("1970-01-01t00:00:10.5z", 10.5),
        ("1970-01-01T00:00:10.123456789Z", 10.123456),
    ],
)
def test_times(text: str, at: float) -> None:
    assert structured({**GOOD, "time": text}).at == at


@pytest.mark.parametrize("time", ["1970-13-01T00:00:00Z", "yesterday", "1970-01-01T00:00:00", "9"])
def test_no_times(time: str) -> None:
    with pytest.raises(Invalid):
        structured({**GOOD, "time": time})


def test_too_much() -> None:
    with pytest.raises(TooLarge):
        structured({**GOOD, "data": "x" * (DATA_BYTES_MAX + 1)})
    with pytest.raises(TooLarge):
        read({"content-type": BATCHED}, json.dumps([GOOD] * 1001).encode(), WHERE)
    with pytest.raises(Invalid):
        structured({**GOOD, **{f"x{n}": 1 for n in range(50)}})


_KEYS = st.sampled_from([*GOOD, "data", "data_base64", "subject", "x", "datacontenttype"])
_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.integers())


@given(st.dictionaries(_KEYS, _VALUES))
def test_whatever_is_said_it_is_an_event_or_refused(said: dict[str, Any]) -> None:
    try:
        event = structured({**GOOD, **said})
    except Invalid:
        return
    msgspec.json.decode(enveloped(event, {}))


@given(st.binary(max_size=50), st.sampled_from([STRUCTURED, BATCHED, "application/json", "x"]))
def test_no_bytes_break_it(body: bytes, kind: str) -> None:
    for headers in ({"content-type": kind}, {"content-type": kind, "ce-id": "1", "ce-x": "%ff"}):
        with contextlib.suppress(Invalid):
            read(headers, body, WHERE)
