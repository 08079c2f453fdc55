"""What is published, checked: a message, its attributes, where it goes in a FIFO topic. Pure."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.post.parcels import NO_CHAIN, Chain
from tapwater_server.clouds.aws.sns.errors import invalid
from tapwater_server.clouds.aws.sns.topics import Topic

MESSAGE_BYTES_MAX = 256 << 10
SUBJECT_LENGTH_MAX = 100
_ID = re.compile(r"[!-~]{1,128}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TYPES = re.compile(r"(String|Number|Binary)(\..+)?|String\.Array")
Attributes = Mapping[str, Mapping[str, str]]  # DataType, and StringValue or BinaryValue as base64


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message to be told to who subscribed."""

    message: str
    by_protocol: Mapping[str, str] = field(default_factory=dict)  # MessageStructure "json"
    subject: str = ""
    attributes: Attributes = field(default_factory=dict)
    group: str = ""
    dedupe: str = ""
    chain: Chain = NO_CHAIN  # of calls and events that led to it

    def of(self, protocol: str) -> str:
        """Give what a protocol's subscribers are told."""
        return self.by_protocol.get(protocol, self.message)


def notification_of(said: Mapping[str, Any], topic: Topic) -> Notification:
    """Check what is to be published.

    Raises:
        AwsError: it cannot be.
    """
    message, subject = said.get("Message", ""), said.get("Subject", "")
    if not message:
        raise invalid("Empty message")
    _check_subject(said)
    by_protocol = _structured(message) if said.get("MessageStructure") == "json" else {}
    if said.get("MessageStructure", "json") != "json":
        raise invalid("MessageStructure")
    attributes = {
        name: _attribute(name, one) for name, one in said.get("MessageAttributes", {}).items()
    }
    size = len(message.encode()) + sum(
        len(name) + sum(map(len, one.values())) for name, one in attributes.items()
    )
    if size > MESSAGE_BYTES_MAX:
        raise invalid("Message too long")
    group, dedupe = ids_of(said, topic)
    return Notification(
        message=by_protocol.get("default", message),
        by_protocol=by_protocol,
        subject=subject,
        attributes=attributes,
        group=group,
        dedupe=dedupe,
    )


def _check_subject(said: Mapping[str, Any]) -> None:
    subject = said.get("Subject")
    if subject is None:
        return
    if not subject or len(subject) > SUBJECT_LENGTH_MAX or not subject.isprintable():
        raise invalid("Subject")


def _structured(message: str) -> dict[str, str]:
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        raise invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(said, dict) or "default" not in said:
        raise invalid("Message Structure - No default entry in JSON message body")
    return {name: text for name, text in said.items() if isinstance(text, str)}


def _attribute(name: str, said: Mapping[str, Any]) -> dict[str, str]:
    kind = said.get("DataType", "")
    if not kind:
        raise _bad(f"The message attribute '{name}' must contain non-empty message attribute type.")
    if not _TYPES.fullmatch(kind):
        raise _bad(
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )
    value = said.get("BinaryValue") if kind.startswith("Binary") else said.get("StringValue")
    if not value:
        raise _bad(
            f"The message attribute '{name}' must contain non-empty message attribute value for "
            f"message attribute type '{kind.partition('.')[0]}'."
        )
    if kind.startswith("Binary"):
        return {"DataType": kind, "BinaryValue": base64.b64encode(value).decode()}
    if kind.startswith("Number") and not _NUMBER.fullmatch(value):
        raise _bad(
            "An error occurred (ParameterValueInvalid) when calling the Publish operation: "
            f"Could not cast message attribute '{name}' value to number."
        )
    return {"DataType": kind, "StringValue": value}


def _bad(message: str) -> AwsError:
    return AwsError("InvalidParameter", message)


def ids_of(said: Mapping[str, Any], topic: Topic) -> tuple[str, str]:
    """Say which group a message is of, and what tells it from others.

    Raises:
        AwsError: that is missing in a FIFO topic, or not for another.
    """
    group, dedupe = said.get("MessageGroupId", ""), said.get("MessageDeduplicationId", "")
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", dedupe)):
        if value and not _ID.fullmatch(value):
            raise invalid(f"{name} Reason: it can only include letters, digits and punctuation")
    if not topic.fifo:
        if dedupe:
            raise invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId "
                "parameter that is not valid for this topic type"
            )
        return group, ""
    if not group:
        raise invalid("The MessageGroupId parameter is required for FIFO topics")
    if dedupe:
        return group, dedupe
    if topic.attributes.get("ContentBasedDeduplication") != "true":
        raise invalid(
            "The topic should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return group, hashlib.sha256(said.get("Message", "").encode()).hexdigest()
