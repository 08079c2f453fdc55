"""CloudEvents 1.0 over HTTP, read: structured, binary and batched. Pure.

Whoever publishes names an event by its source and id together. The log names it by one id: the
sender's where the source is one of ours, with a mark of the source else.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.model.event import ORIGINAL_ID, Event, Extension
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import is_json

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
BATCH_MAX = 1000  # Events in one request.
DATA_BYTES_MAX = 1 << 20  # Of one event: larger things are blobs, and the event names them.
ATTRIBUTE_CHARS_MAX = 1024
EXTENSIONS_MAX = 32
OWN = "/events"  # The source of events whose sender names none.
RESERVED = "tapwater."  # Types that only the platform's own services raise.
_EXTENSION = re.compile(r"[a-z0-9]{1,40}")
_KNOWN = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"}
)
_DATA = frozenset({"data", "data_base64"})
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Whose events they are, and where in a chain of functions."""

    app: AppId
    now: float
    root: str = ""
    depth: int = 0
    trace: str = ""


def read(headers: Mapping[str, str], body: bytes, where: Where) -> list[Event]:
    """Read what was posted.

    Raises:
        Invalid: it is no event, or not one this platform takes.
        TooLarge: there are too many of them, or one has too much data.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == BATCHED:
        return _batch(body, where)
    if kind == STRUCTURED:
        return [structured(_object(body), where)]
    if kind == "application/json" and not any(name.startswith("ce-") for name in headers):
        # Who means well and forgot the media type: only an event can be meant.
        return _batch(body, where) if body[:1] == b"[" else [structured(_object(body), where)]
    if kind.startswith("application/cloudevents"):
        raise Invalid(f"{kind!r} is not spoken here: send {STRUCTURED} or {BATCHED}")
    return [_binary(headers, body, where)]


def structured(said: Mapping[str, Any], where: Where) -> Event:
    """Read an event in the JSON format.

    Raises:
        Invalid: it is none.
        TooLarge: it has too much data.
    """
    attributes = {name: value for name, value in said.items() if value is not None}
    kind = attributes.get("datacontenttype", "application/json")
    if "data_base64" in attributes:
        if "data" in attributes:
            raise Invalid("an event has data or data_base64, not both")
        data = _decoded(attributes["data_base64"])
    elif "data" not in said:
        data = b""
    elif is_json(str(kind)) or not isinstance(said["data"], str):
        data = msgspec.json.encode(said["data"])
    else:
        data = said["data"].encode()
    return _event({name: attributes[name] for name in attributes.keys() - _DATA}, data, where)


def _batch(body: bytes, where: Where) -> list[Event]:
    said = _json(body)
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise Invalid("a batch is a JSON array of events")
    if len(said) > BATCH_MAX:
        raise TooLarge(f"a batch has at most {BATCH_MAX} events")
    events, problems = [], []
    for index, one in enumerate(said):
        try:
            events.append(structured(one, where))
        except Invalid as error:
            problems.append({"where": f"[{index}]", "what": error.message})
    if problems:
        raise Invalid("nothing of the batch was taken: some are no events", problems=problems[:50])
    return events


def _binary(headers: Mapping[str, str], body: bytes, where: Where) -> Event:
    said: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value)
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if not said:
        raise Invalid(f"send an event: {STRUCTURED}, {BATCHED}, or ce- headers and its data")
    if "datacontenttype" in said:
        raise Invalid("in binary mode the content type of the data is the header content-type")
    said["datacontenttype"] = headers.get("content-type", "application/json")
    if is_json(said["datacontenttype"]) and body:
        _json(body)
    return _event(said, body, where)


def _event(said: dict[str, Any], data: bytes, where: Where) -> Event:
    if said.get("specversion") != "1.0":
        raise Invalid(f"specversion must be '1.0', not {str(said.get('specversion'))[:20]!r}")
    if len(data) > DATA_BYTES_MAX:
        raise TooLarge(f"an event has at most {DATA_BYTES_MAX} bytes of data: name a blob instead")
    texts = {name: _text(said, name) for name in _KNOWN}
    source = texts["source"] or OWN
    for name, value in (("id", texts["id"]), ("source", source), ("type", texts["type"])):
        if not value:
            raise Invalid(f"an event needs the attribute {name!r}")
    if texts["type"].startswith(RESERVED):
        raise Invalid(f"types that begin with {RESERVED!r} are the platform's own")
    extensions = _extensions(said)
    id = log_id(texts["id"], source=source)
    if id != texts["id"]:
        extensions[ORIGINAL_ID] = texts["id"]
    if texts["dataschema"]:
        extensions["dataschema"] = texts["dataschema"]
    key = extensions.pop("partitionkey", "")
    trace = extensions.pop("traceparent", "")
    return Event(
        id=id,
        app=where.app,
        type=texts["type"],
        source=source,
        subject=texts["subject"],
        at=_time(texts["time"]) if texts["time"] else where.now,
        data=data,
        content_type=texts["datacontenttype"] or "application/json",
        key=str(key),
        root=where.root,
        depth=where.depth,
        trace=where.trace or str(trace),
        extensions=extensions,
    )


def log_id(id: str, *, source: str) -> str:
    """Name an event within its app.

    >>> log_id("7", source="/events")
    '7'
    >>> log_id("7", source="https://a.example")
    '7~74a950ef'
    """
    if source == OWN:
        return id
    return f"{id}~{hashlib.blake2b(source.encode(), digest_size=4).hexdigest()}"


def _extensions(said: Mapping[str, Any]) -> dict[str, Extension]:
    found: dict[str, Extension] = {}
    for name in sorted(said.keys() - _KNOWN):
        value = said[name]
        if not _EXTENSION.fullmatch(name) or name in {"params", "delivery", "attempt", ORIGINAL_ID}:
            raise Invalid(f"{name[:60]!r} cannot be an attribute: a-z and 0-9, and no name of ours")
        if not isinstance(value, str | int | bool):
            raise Invalid(f"the attribute {name!r} is no text, whole number, true or false")
        if isinstance(value, str) and len(value) > ATTRIBUTE_CHARS_MAX:
            raise Invalid(f"the attribute {name!r} has more than {ATTRIBUTE_CHARS_MAX} characters")
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            raise Invalid(f"the attribute {name!r} does not fit 32 bits")
        found[name] = value
    if len(found) > EXTENSIONS_MAX:
        raise Invalid(f"an event has at most {EXTENSIONS_MAX} extension attributes")
    return found


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str) or (name in said and not value):
        raise Invalid(f"the attribute {name!r} must be a text with something in it")
    if len(value) > ATTRIBUTE_CHARS_MAX or not value.isprintable():
        raise Invalid(f"the attribute {name!r} is too long, or has characters that are none")
    return value


def _time(text: str) -> float:
    match = _TIME.fullmatch(text)
    if match is None:
        raise Invalid("the attribute 'time' must be a time as RFC 3339 has it")
    try:
        zone = "+00:00" if match[4] in "Zz" else match[4]
        micros = (match[3] or ".0")[:7]
        at = datetime.fromisoformat(f"{match[1]}T{match[2]}{micros}{zone}")
        return at.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise Invalid("the attribute 'time' is a time that never was") from None


def _decoded(value: object) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except ValueError:  # binascii.Error, or letters beyond ASCII.
        pass
    raise Invalid("data_base64 is not base64")


def _object(body: bytes) -> dict[str, Any]:
    said = _json(body)
    if not isinstance(said, dict):
        raise Invalid("an event is a JSON object")
    return said


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}") from None
