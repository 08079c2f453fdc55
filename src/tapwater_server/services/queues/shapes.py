"""What the API of queues and topics takes and gives, as JSON."""

from typing import Any

import msgspec

from tapwater_server.model.errors import Invalid
from tapwater_server.model.message import BYTES, JSON, TEXT, Message, is_json, unpack
from tapwater_server.ports.bus import ErrandState, LineStats
from tapwater_server.ports.queues import QueueSettings
from tapwater_server.services.queues.sending import Draft, Sent
from tapwater_server.services.queues.service import Received


class Published(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A message for a topic: ``body`` (any JSON), ``text``, or ``base64``."""

    body: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    text: str | None = None
    base64: bytes | None = None
    content_type: str = ""
    attributes: dict[str, str] = {}
    key: str = ""
    dedupe: str = ""


class Put(Published, kw_only=True, forbid_unknown_fields=True):
    """A message for a queue."""

    delay_s: float | None = None
    priority: int = 0


class PublishAsked(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[Published]


class SendAsked(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[Put]


class ReceiveAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    count: int = 1
    wait_s: float = 0.0
    visibility_s: float | None = None


class ReceiptsAsked(msgspec.Struct, forbid_unknown_fields=True):
    receipts: list[str]


class VisibilityAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    receipts: list[str]
    visibility_s: float


class DeadAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    ids: list[str] = []  # none: all of them
    to: str = ""  # another queue; none: the one they died in


class SettingsAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is not said stays as it is."""

    visibility_s: float | None = None
    attempts_max: int | None = None
    retention_s: float | None = None
    delay_s: float | None = None
    dedupe_s: float | None = None
    ordered: bool | None = None
    dead_letters: str | None = None


def draft_of(said: Published) -> Draft:
    """Read one message.

    Raises:
        Invalid: not exactly one of body, text and base64 is there.
    """
    given = [bool(bytes(said.body)), said.text is not None, said.base64 is not None]
    if sum(given) != 1:
        raise Invalid("a message has one of body (any JSON), text and base64")
    body, kind = _body(said)
    return Draft(
        message=Message(
            body=body, content_type=said.content_type or kind, attributes=said.attributes
        ),
        key=said.key,
        dedupe=said.dedupe,
        delay_s=said.delay_s if isinstance(said, Put) else None,
        priority=said.priority if isinstance(said, Put) else 0,
    )


def _body(said: Published) -> tuple[bytes, str]:
    try:
        if said.text is not None:
            return said.text.encode(), TEXT
        if said.base64 is not None:
            return said.base64, BYTES
        body = bytes(said.body)
        body.decode()  # Skipping over JSON does not look into its strings.
    except UnicodeError:
        raise Invalid("the message is not UTF-8") from None
    if said.content_type and not is_json(said.content_type):
        raise Invalid("body is JSON: send another content type as text or base64")
    return body, JSON


def sent_says(sent: Sent) -> dict[str, Any]:
    if sent.error is not None:
        return {"error": {"code": sent.error.code, "message": sent.error.message}}
    return {"id": sent.id, "duplicate": sent.duplicate}


def message_says(message: Message) -> dict[str, Any]:
    """Write a body in the way that fits it: as JSON, text or base64."""
    said: dict[str, Any] = {
        "content_type": message.content_type,
        "attributes": dict(message.attributes),
    }
    if is_json(message.content_type):
        try:
            msgspec.json.decode(message.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {**said, "base64": message.body}
        return {**said, "body": msgspec.Raw(message.body)}
    if message.content_type.startswith("text/"):
        try:
            return {**said, "text": message.body.decode()}
        except UnicodeDecodeError:
            pass
    return {**said, "base64": message.body}


def received_says(one: Received) -> dict[str, Any]:
    return {
        "id": one.id,
        "receipt": one.receipt,
        **message_says(one.message),
        "key": one.key,
        "priority": one.priority,
        "attempt": one.attempt,
        "sent_at": one.sent_at,
        "visible_at": one.visible_at,
        "seq": one.seq,
    }


def listed_says(state: ErrandState, *, whole: bool = False) -> dict[str, Any]:
    """Write a message somebody looks at; a listing leaves the body out."""
    said: dict[str, Any] = {
        "id": state.id,
        "state": state.state,
        "attempt": state.attempt + state.lost,
        "key": state.key,
        "sent_at": state.published_at,
        "visible_at": state.not_before,
        "reason": state.reason,
    }
    return {**said, **message_says(unpack(state.body, state.attributes))} if whole else said


def settings_says(settings: QueueSettings) -> dict[str, Any]:
    return {
        "visibility_s": settings.visibility_s,
        "attempts_max": settings.attempts_max,
        "retention_s": settings.retention_s,
        "delay_s": settings.delay_s,
        "dedupe_s": settings.dedupe_s,
        "ordered": settings.ordered,
        "dead_letters": settings.dead_letters,
    }


def stats_says(stats: LineStats) -> dict[str, Any]:
    return {
        "waiting": stats.waiting,
        "delayed": stats.delayed,
        "leased": stats.leased,
        "dead": stats.dead,
        "oldest_at": stats.oldest_at,
    }
