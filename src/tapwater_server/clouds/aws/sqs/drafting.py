"""From a message as it is sent to the errand that carries it: checked, named, dated. Pure."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.post.parcels import Chain
from tapwater_server.clouds.aws.shapes.sqs_record import (
    BINARY,
    NUMBER,
    STRING,
    Attribute,
    is_sendable,
    marked,
)
from tapwater_server.clouds.aws.sqs.attributes import DEDUPE_S
from tapwater_server.clouds.aws.sqs.book import Queue
from tapwater_server.clouds.aws.sqs.errors import invalid, invalid_value, missing
from tapwater_server.clouds.aws.sqs.shapes import AttributeSaid, SendEntry
from tapwater_server.model.message import Message, pack_attributes
from tapwater_server.ports.bus import Errand

ATTRIBUTES_MAX = 10
DELAY_S_MAX = 900
_NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_RESERVED = ("aws.", "amazon.")
_ID = re.compile(r"[!-~]{1,128}")  # letters, digits, punctuation
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_PREFIXES = frozenset({STRING, NUMBER, BINARY})
_WRONG_TYPE = "The request include parameter that is not valid for this queue type"
_CHARACTERS = (
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
    "#xE000 to #xFFFD | #x10000 to #x10FFFF"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that may go in."""

    body: str
    attributes: Mapping[str, Attribute]
    system: Mapping[str, Attribute]
    delay_s: int | None = None
    group: str = ""
    dedupe: str = ""


def size_of(said: SendEntry) -> int:
    """Count the bytes of a message, as they count against the most."""
    size = len((said.MessageBody or "").encode("utf-8", "surrogatepass"))
    for name, one in (said.MessageAttributes or {}).items():
        value = len((one.StringValue or "").encode("utf-8", "surrogatepass"))
        if one.BinaryValue:
            value += len(one.BinaryValue) * 3 // 4 - one.BinaryValue[-2:].count("=")
        size += len(name.encode("utf-8", "surrogatepass")) + len(one.DataType) + value
    return size


def check_ids(said: SendEntry, queue: Queue) -> None:
    """Refuse a message that a FIFO queue could not put anywhere.

    Raises:
        AwsError: it has no group, or no deduplication id.
    """
    if not queue.fifo:
        return
    if said.MessageGroupId is None:
        raise missing("MessageGroupId")
    by_content = queue.extra.get("ContentBasedDeduplication") == "true"
    if said.MessageDeduplicationId is None and not by_content:
        raise invalid(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )


def draft_of(said: SendEntry, queue: Queue) -> Draft:
    """Check a message that is to be sent.

    Raises:
        AwsError: it cannot be.
    """
    body = said.MessageBody
    if not body:
        raise missing("MessageBody")
    if not is_sendable(body):
        raise AwsError("InvalidMessageContents", _CHARACTERS)
    _check_delay(said.DelaySeconds, queue)
    check_ids(said, queue)
    draft = Draft(
        body=body,
        attributes=attributes_of(said.MessageAttributes or {}),
        system=_system(said.MessageSystemAttributes or {}),
        delay_s=said.DelaySeconds,
        group=_group(said),
        dedupe=_dedupe(said, queue, body),
    )
    if size_of(said) > queue.bytes_max:
        raise invalid(
            "One or more parameters are invalid. Reason: Message must be shorter than "
            f"{queue.bytes_max} bytes."
        )
    return draft


def attributes_of(said: Mapping[str, AttributeSaid]) -> dict[str, Attribute]:
    """Check message attributes.

    Raises:
        AwsError: one of them is malformed, or there are too many.
    """
    if len(said) > ATTRIBUTES_MAX:
        raise invalid(
            f"Number of message attributes [{len(said)}] exceeds the allowed maximum "
            f"[{ATTRIBUTES_MAX}]."
        )
    return {name: _attribute(name, one) for name, one in said.items()}


def _attribute(name: str, said: AttributeSaid) -> Attribute:
    _check_head(name, said)
    kind = said.DataType.partition(".")[0]
    value = said.BinaryValue if kind == BINARY else said.StringValue
    if not value:
        raise invalid(
            f"The message attribute '{name}' must contain non-empty message attribute value for "
            f"message attribute type '{kind}'."
        )
    if kind == BINARY:
        return Attribute(type=said.DataType, value=_bytes(name, value))
    if not is_sendable(value):
        raise AwsError("InvalidMessageContents", _CHARACTERS)
    if kind == NUMBER and not _NUMBER.fullmatch(value):
        raise invalid(f"Can't cast the value of message (user) attribute '{name}' to a number.")
    return Attribute(type=said.DataType, value=value)


def _check_head(name: str, said: AttributeSaid) -> None:
    """Look at the name and the type of an attribute."""
    if not name:
        raise invalid("The request must contain non-empty message attribute names.")
    if not _NAME.fullmatch(name) or name.lower().startswith(_RESERVED):
        raise invalid(
            f"The message attribute name '{name[:256]}' is invalid. Attribute name can contain "
            "A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) characters."
        )
    if not said.DataType:
        raise invalid(
            f"The message attribute '{name}' must contain non-empty message attribute type."
        )
    kind = said.DataType.partition(".")[0]
    if kind not in _PREFIXES or len(said.DataType) > 256:
        raise invalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )


def _bytes(name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise invalid(f"The message attribute '{name}' is not base64.") from None


def _system(said: Mapping[str, AttributeSaid]) -> dict[str, Attribute]:
    for name, one in said.items():
        if name != "AWSTraceHeader":
            raise invalid(f"Message system attribute name '{name[:256]}' is invalid.")
        if one.DataType != STRING or not one.StringValue:
            raise invalid(
                f"The message system attribute '{name}' must contain a String that is not empty."
            )
    return {name: Attribute(type=STRING, value=one.StringValue or "") for name, one in said.items()}


def _check_delay(delay_s: int | None, queue: Queue) -> None:
    if delay_s is None:
        return
    if not 0 <= delay_s <= DELAY_S_MAX:
        reason = f"DelaySeconds must be >= 0 and <= {DELAY_S_MAX}."
        raise invalid_value(delay_s, "DelaySeconds", reason)
    if queue.fifo and delay_s:
        raise invalid_value(delay_s, "DelaySeconds", f"{_WRONG_TYPE}.")


def _group(said: SendEntry) -> str:
    group = said.MessageGroupId
    if group is None:
        return ""
    if not _ID.fullmatch(group):
        raise _bad_id(group, "MessageGroupId")
    return group


def _dedupe(said: SendEntry, queue: Queue, body: str) -> str:
    dedupe = said.MessageDeduplicationId
    if dedupe is not None:
        if not queue.fifo:
            raise invalid_value(dedupe, "MessageDeduplicationId", f"{_WRONG_TYPE}.")
        if not _ID.fullmatch(dedupe):
            raise _bad_id(dedupe, "MessageDeduplicationId")
        return dedupe
    return hashlib.sha256(body.encode()).hexdigest() if queue.fifo else ""


def _bad_id(value: str, parameter: str) -> AwsError:
    reason = (
        f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
    )
    return invalid_value(value, parameter, reason)


def dedupe_ids(draft: Draft, queue: Queue, *, now: float) -> tuple[str, str]:
    """Give the id a message has by its deduplication id, and the one of five minutes before.

    Time is cut into windows; in one window the same makes the same id, which the bus takes once.
    Who comes early in a window looks whether there was one late in the window before.
    """
    scope = queue.extra.get("DeduplicationScope", "queue")
    group = draft.group if scope == "messageGroup" else ""
    window = int(now // DEDUPE_S)
    place = f"{queue.line}\0{queue.created}\0{group}\0{draft.dedupe}"
    return _id(f"{place}\0{window}"), _id(f"{place}\0{window - 1}")


def _id(said: str) -> str:
    made = hashlib.sha256(said.encode()).hexdigest()
    return f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:32]}"


def errand_of(
    draft: Draft,
    queue: Queue,
    *,
    id: str,
    app: str,
    sender: str,
    sequence: str,
    now: float,
    chain: Chain,
) -> Errand:
    """Write a message as an errand on the queue's line."""
    values, marks, kind = marked(draft.attributes)
    marks["sender"] = sender
    trace = draft.system.get("AWSTraceHeader")
    said = {
        "group": draft.group,
        "dedupe": draft.dedupe,
        "sequence": sequence,
        "trace": str(trace.value) if trace is not None else "",
    }
    marks |= {name: value for name, value in said.items() if value}
    message = Message(body=draft.body.encode(), content_type=kind, attributes=values, marks=marks)
    delay_s = queue.settings.delay_s if draft.delay_s is None else draft.delay_s
    return Errand(
        id=id,
        app=app,
        line=queue.line,
        body=message.body,
        attributes=pack_attributes(message),
        key=draft.group if queue.fifo else "",
        root=chain.root or id,
        depth=chain.depth,
        trace=chain.trace,
        not_before=now + delay_s if delay_s else 0.0,
        expires_at=now + queue.settings.retention_s,
        fades=True,
    )
