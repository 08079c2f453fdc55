"""Something that happened: a CloudEvent (v1.0), with what the platform adds to follow chains."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tapwater_server.model.ids import AppId

Extension = str | int | bool
# An extension attribute: the sender's id of an event whose own id in the log is made of it and of
# its source. Who is told of the event is told the sender's.
ORIGINAL_ID = "originalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of one app. ``id`` is unique within the app and the same at each telling.

    ``data`` is JSON bytes, or any bytes if ``content_type`` is not JSON. ``type`` of our own
    events starts with ``tapwater.``: ``tapwater.document.created``, ``tapwater.blob.stored``,
    ``tapwater.user.created``, ``tapwater.schedule.tick``, ``tapwater.mqtt.message``.
    ``root`` and ``depth`` follow a chain: the first event's id, and how many functions lie between.
    ``key`` orders: deliveries with one key to one function are made in the order of the events.
    """

    id: str
    app: AppId
    type: str
    source: str  # a URI reference: "/docs", "/blobs/avatars", "/users", "https://shop.example"
    subject: str = ""  # "users/42", "avatars/7.png", "sensors/3/temperature"
    at: float = 0.0  # seconds since the epoch
    data: bytes = b""
    content_type: str = "application/json"
    key: str = ""
    root: str = ""
    depth: int = 0
    trace: str = ""  # W3C traceparent of the call that caused it
    extensions: Mapping[str, Extension] = field(default_factory=dict)
