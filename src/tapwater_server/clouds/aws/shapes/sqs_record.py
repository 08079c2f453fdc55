"""How an SQS message lies in an errand, and what an errand is as an SQS message. Pure.

A message of a queue is an errand of its line (``ports/bus.py``), the same for native code and for
clients of SQS. What both know lies where both look: the body, attributes by name, the key that
orders a FIFO queue's groups. What only SQS knows lies in marks (``model/message.py``), which
functions do not see:

    sender    who sent it: SenderId
    types     JSON: the data type of each attribute that is not plain "String"; the value of a
              Binary one is kept as base64
    group     MessageGroupId; in a FIFO queue it is the errand's key as well
    dedupe    MessageDeduplicationId
    sequence  SequenceNumber
    trace     AWSTraceHeader
    from      the queue in which it was received too often, before it came to this one
    arrived   seconds since the epoch: when it came from there

Receive counts and times are the delivery's: ``begun``, ``published_at``, ``first_leased_at``.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.model.message import BYTES, JSON, TEXT, Message, unpack
from tapwater_server.ports.bus import Delivery, Errand

STRING, NUMBER, BINARY = "String", "Number", "Binary"
CONTENT_TYPE = "content-type"
ENCODING = "content-transfer-encoding"  # "base64": the body of a native message was no text
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_UNSENDABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A message attribute: ``value`` of a Binary one is bytes."""

    type: str
    value: str | bytes

    @property
    def binary(self) -> bool:
        return self.type.partition(".")[0] == BINARY

    def says(self) -> dict[str, Any]:
        """Write it as the JSON protocol does."""
        if isinstance(self.value, bytes):
            value = base64.b64encode(self.value).decode()
            return {"BinaryValue": value, "DataType": self.type}
        return {"StringValue": self.value, "DataType": self.type}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A message as SQS shows it."""

    id: str
    body: str
    attributes: Mapping[str, Attribute]
    marks: Mapping[str, str]
    group: str = ""

    @property
    def md5(self) -> str:
        return md5_of(self.body.encode())


def is_sendable(text: str) -> bool:
    """Say whether SQS takes such a text: XML must be able to carry it.

    >>> is_sendable("a\\tb"), is_sendable("a\\x00b")
    (True, False)
    """
    return _UNSENDABLE.search(text) is None


def is_fifo(queue: str) -> bool:
    """Say by its name whether a queue or topic keeps the order."""
    return queue.endswith(".fifo")


def uuid_of(text: str) -> str:
    """Make what looks like a UUID of any text, always the same.

    >>> uuid_of("01J8Z")
    'e2c64829-82b2-011f-5811-eb4070fa9af0'
    """
    made = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:]}"


def trace_header(traceparent: str) -> str:
    """Write a step of a trace as AWSTraceHeader; "": it is none.

    >>> trace_header("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    'Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1'
    """
    found = _TRACE.fullmatch(traceparent)
    if found is None:
        return traceparent if traceparent.startswith("Root=") else ""
    root, parent, flags = found.groups()
    return f"Root=1-{root[:8]}-{root[8:]};Parent={parent};Sampled={int(flags, 16) & 1}"


def message_id(errand: str) -> str:
    """Give the MessageId of an errand; one that was moved has something behind it.

    >>> message_id("e2c64829-82b2-011f-5811-eb4070fa9af0.5")
    'e2c64829-82b2-011f-5811-eb4070fa9af0'
    """
    found = _UUID.match(errand)
    return found[0] if found is not None else uuid_of(errand)


def record_of(errand: Errand) -> Record:
    """Read an errand of a queue, whoever sent it."""
    sent = unpack(errand.body, errand.attributes)
    body, attributes = _body(sent), _attributes(sent)
    if body is None:
        body = base64.b64encode(sent.body).decode()
        attributes[ENCODING] = Attribute(type=STRING, value="base64")
    return Record(
        id=message_id(errand.id),
        body=body,
        attributes=attributes,
        marks=sent.marks,
        group=sent.marks.get("group") or errand.key,
    )


def system_attributes(record: Record, delivery: Delivery, *, account: Account) -> dict[str, str]:
    """Say what SQS knows of a message by itself, as texts, under its names."""
    marks = record.marks
    first = delivery.first_leased_at or delivery.published_at
    said = {
        "SenderId": marks.get("sender") or account.id,
        "SentTimestamp": str(int(delivery.published_at * 1000)),
        "ApproximateReceiveCount": str(delivery.begun),
        "ApproximateFirstReceiveTimestamp": str(int(first * 1000)),
    }
    more = {
        "MessageGroupId": record.group,
        "MessageDeduplicationId": marks.get("dedupe", ""),
        "SequenceNumber": marks.get("sequence", ""),
        "AWSTraceHeader": marks.get("trace", ""),
        "DeadLetterQueueSourceArn": account.arn("sqs", marks["from"]) if "from" in marks else "",
    }
    return said | {name: value for name, value in more.items() if value}


def event_record(delivery: Delivery, *, account: Account, queue: str, receipt: str) -> Any:
    """Write a message as a Lambda function is told of it: one of ``Records``."""
    record = record_of(delivery.errand)
    said = {
        "messageId": record.id,
        "receiptHandle": receipt,
        "body": record.body,
        "attributes": system_attributes(record, delivery, account=account),
        "messageAttributes": {
            name: _event_attribute(one) for name, one in record.attributes.items()
        },
        "md5OfBody": record.md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": account.arn("sqs", queue),
        "awsRegion": account.region,
    }
    if record.attributes:
        said["md5OfMessageAttributes"] = md5_of_attributes(record.attributes)
    return said


def md5_of(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Attribute]) -> str:
    """Give the digest that clients check: names, types and values, each behind its length."""
    said = bytearray()
    for name in sorted(attributes):
        one = attributes[name]
        for text in (name.encode(), one.type.encode()):
            said += struct.pack(">I", len(text)) + text
        value = one.value if isinstance(one.value, bytes) else one.value.encode()
        said += (b"\2" if one.binary else b"\1") + struct.pack(">I", len(value)) + value
    return md5_of(bytes(said))


def marked(attributes: Mapping[str, Attribute]) -> tuple[dict[str, str], dict[str, str], str]:
    """Give what an errand keeps of attributes: values, marks, and the content type they say."""
    values, marks, kind = dict[str, str](), dict[str, str](), TEXT
    types = {name: one.type for name, one in attributes.items() if one.type != STRING}
    for name, one in attributes.items():
        value = one.value
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        if name != CONTENT_TYPE:
            values[name] = text
            continue
        marks[CONTENT_TYPE] = text
        kind = text if text in {JSON, TEXT, "text/plain"} else TEXT
    if types:
        marks["types"] = msgspec.json.encode(types).decode()
    return values, marks, kind


def _body(sent: Message) -> str | None:
    if sent.content_type == BYTES:
        return None
    try:
        text = sent.body.decode()
    except UnicodeDecodeError:
        return None
    return text if is_sendable(text) else None


def _attributes(sent: Message) -> dict[str, Attribute]:
    said = dict(sent.attributes)
    if CONTENT_TYPE in sent.marks:
        said[CONTENT_TYPE] = sent.marks[CONTENT_TYPE]
    elif sent.content_type not in {JSON, TEXT}:
        said[CONTENT_TYPE] = sent.content_type
    types: dict[str, str] = {}
    if "types" in sent.marks:
        types = msgspec.json.decode(sent.marks["types"], type=dict[str, str])
    return {name: _attribute(value, types.get(name, STRING)) for name, value in said.items()}


def _attribute(value: str, type: str) -> Attribute:
    if type.partition(".")[0] == BINARY:
        return Attribute(type=type, value=base64.b64decode(value))
    return Attribute(type=type, value=value)


def _event_attribute(one: Attribute) -> dict[str, Any]:
    """As Lambda shows it: beginning with small letters, and with the lists nobody may fill."""
    said: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": one.type}
    if isinstance(one.value, bytes):
        return {"binaryValue": base64.b64encode(one.value).decode(), **said}
    return {"stringValue": one.value, **said}
