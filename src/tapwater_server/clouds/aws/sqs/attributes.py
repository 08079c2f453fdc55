"""The attributes of a queue: which there are, what they may be, which our settings hold. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.shapes.sqs_record import is_fifo
from tapwater_server.clouds.aws.sqs.errors import (
    bad_attribute,
    invalid,
    invalid_value,
    unknown_attribute,
)
from tapwater_server.ports.queues import ATTEMPTS_MAX, QueueSettings

MESSAGE_BYTES_MAX = 1 << 20
DEDUPE_S = 300.0
POLICY_BYTES_MAX = 8 << 10
SOURCES_MAX = 10  # queues that a RedriveAllowPolicy may name
FIFO_ONLY = frozenset({"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"})
_BOUNDS: Mapping[str, tuple[int, int]] = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1_024, MESSAGE_BYTES_MAX),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_CHOICES: Mapping[str, frozenset[str]] = {
    "ContentBasedDeduplication": frozenset({"true", "false"}),
    "DeduplicationScope": frozenset({"queue", "messageGroup"}),
    "FifoQueue": frozenset({"true", "false"}),
    "FifoThroughputLimit": frozenset({"perQueue", "perMessageGroupId"}),
    "SqsManagedSseEnabled": frozenset({"true", "false"}),
}
_FREE = frozenset({"KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy"})
_COUNTED = frozenset(
    {
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
    }
)
SETTABLE = frozenset(_BOUNDS) | frozenset(_CHOICES) | _FREE
_TOLD = frozenset({"QueueArn", "CreatedTimestamp", "LastModifiedTimestamp"})
READABLE = SETTABLE | _COUNTED | _TOLD | {"All"}
# Of these our settings of the queue are the keeper.
_IN_SETTINGS: Mapping[str, str] = {
    "DelaySeconds": "delay_s",
    "MessageRetentionPeriod": "retention_s",
    "VisibilityTimeout": "visibility_s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """Where what was received too often goes."""

    queue: str
    receives_max: int


def new_settings(name: str) -> QueueSettings:
    """Give what a queue has that SQS made: nothing is given up on unless that is asked for."""
    return QueueSettings(attempts_max=0, dedupe_s=DEDUPE_S, ordered=is_fifo(name))


def checked(name: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """Check what is to be set, each by itself, and write numbers plainly.

    Raises:
        AwsError: there is no such attribute, or not with this value, or not of such a queue.
    """
    said = {key.strip(): value for key, value in attributes.items()}
    return {key: _checked(name, key, value) for key, value in said.items()}


def _checked(name: str, key: str, value: str) -> str:
    if key not in SETTABLE or (key in FIFO_ONLY and not is_fifo(name)):
        raise unknown_attribute(key)
    if key in _BOUNDS:
        low, high = _BOUNDS[key]
        if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
            raise bad_attribute(key)
        return str(int(value))
    if key in _CHOICES and value.lower() not in {one.lower() for one in _CHOICES[key]}:
        raise bad_attribute(key)
    if key == "Policy" and value and (len(value) > POLICY_BYTES_MAX or _object(value) is None):
        raise bad_attribute(key)
    return value.lower() if value.lower() in {"true", "false"} else value


def check_whole(attributes: Mapping[str, str]) -> None:
    """Refuse what does not go together.

    Raises:
        AwsError: it does not.
    """
    scope, limit = attributes.get("DeduplicationScope"), attributes.get("FifoThroughputLimit")
    if limit == "perMessageGroupId" and scope != "messageGroup":
        raise invalid(
            "The perMessageGroupId value for FifoThroughputLimit is allowed only when the "
            "DeduplicationScope is set to messageGroup."
        )
    if attributes.get("KmsMasterKeyId") and attributes.get("SqsManagedSseEnabled") == "true":
        raise invalid(
            "You can use one type of server-side encryption (SSE) at one time. You can either "
            "enable KMS SSE or SQS SSE."
        )


def applied(settings: QueueSettings, said: Mapping[str, str]) -> QueueSettings:
    """Change settings as attributes say; others than theirs are left to the fact."""
    changed = {
        field: float(said[name]) for name, field in _IN_SETTINGS.items() if said.get(name, "")
    }
    return replace(settings, **changed)  # type: ignore[arg-type]


def kept(said: Mapping[str, str]) -> dict[str, str]:
    """Give what is to be kept in the fact; empty values take away."""
    elsewhere = {*_IN_SETTINGS, "FifoQueue"}
    return {name: value for name, value in said.items() if name not in elsewhere}


def redrive_of(text: str) -> Redrive | None:
    """Read a RedrivePolicy; None: "" takes it away.

    Raises:
        AwsError: it is malformed.
    """
    if not text:
        return None
    said = _object(text)
    if said is None:
        raise invalid_value(text, "RedrivePolicy", "Redrive policy is not a valid JSON map.")
    if set(said) != {"deadLetterTargetArn", "maxReceiveCount"}:
        reason = "Redrive policy must contain maxReceiveCount and deadLetterTargetArn, only."
        for name in ("maxReceiveCount", "deadLetterTargetArn"):
            if name not in said:
                reason = f"Redrive policy does not contain mandatory attribute: {name}."
        raise invalid_value(text, "RedrivePolicy", reason)
    target = parse_arn(str(said["deadLetterTargetArn"]))
    if target is None or target.service != "sqs" or not target.resource:
        raise invalid_value(text, "RedrivePolicy", "Invalid value for deadLetterTargetArn.")
    return Redrive(queue=target.resource, receives_max=_receives(text, said["maxReceiveCount"]))


def _receives(text: str, said: object) -> int:
    try:
        count = int(str(said))
    except ValueError:
        count = 0
    if not 1 <= count <= ATTEMPTS_MAX:
        reason = (
            f"Invalid value for maxReceiveCount: {str(said)[:32]}, valid values are from 1 to "
            f"{ATTEMPTS_MAX} both inclusive."
        )
        raise invalid_value(text, "RedrivePolicy", reason)
    return count


def allows(policy: str, source_arn: str) -> bool:
    """Say whether a RedriveAllowPolicy lets a queue send its dead letters.

    >>> allows('{"redrivePermission": "denyAll"}', "arn:aws:sqs:us-east-1:000000000000:jobs")
    False
    """
    said = _object(policy) or {}
    match said.get("redrivePermission", "allowAll"):
        case "denyAll":
            return False
        case "byQueue":
            return source_arn in said.get("sourceQueueArns", [])
        case _:
            return True


def check_allow(text: str) -> None:
    """Refuse a malformed RedriveAllowPolicy.

    Raises:
        AwsError: it is.
    """
    said = _object(text) if text else {}
    permission = None if said is None else said.get("redrivePermission", "allowAll")
    sources = [] if said is None else said.get("sourceQueueArns", [])
    good = (
        permission in {"allowAll", "denyAll", "byQueue"}
        and isinstance(sources, list)
        and len(sources) <= SOURCES_MAX
        and bool(sources) == (permission == "byQueue")
        and all(isinstance(one, str) and parse_arn(one) for one in sources)
    )
    if not good:
        raise invalid_value(text, "RedriveAllowPolicy", "It is not a valid redrive allow policy.")


def shown(
    name: str,
    settings: QueueSettings,
    extra: Mapping[str, str],
    *,
    account: Account,
    created: float,
    modified: float,
) -> dict[str, str]:
    """Write all attributes of a queue but the counted ones."""
    said = {
        "CreatedTimestamp": str(int(created)),
        "DelaySeconds": str(int(settings.delay_s)),
        "LastModifiedTimestamp": str(int(modified)),
        "MaximumMessageSize": str(MESSAGE_BYTES_MAX),
        "MessageRetentionPeriod": str(int(settings.retention_s)),
        "QueueArn": account.arn("sqs", name),
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "false" if extra.get("KmsMasterKeyId") else "true",
        "VisibilityTimeout": str(int(settings.visibility_s)),
    }
    if extra.get("KmsMasterKeyId"):
        said["KmsDataKeyReusePeriodSeconds"] = "300"
    if is_fifo(name):
        said |= {
            "ContentBasedDeduplication": "false",
            "DeduplicationScope": "queue",
            "FifoQueue": "true",
            "FifoThroughputLimit": "perQueue",
        }
    said |= {key: value for key, value in extra.items() if value and key != "RedrivePolicy"}
    redrive = Redrive(queue=settings.dead_letters, receives_max=settings.attempts_max)
    said_before = extra.get("RedrivePolicy", "")
    if settings.dead_letters and redrive_of(said_before) == redrive and _counts(said_before):
        said["RedrivePolicy"] = said_before  # In the words in which it was set.
    elif settings.dead_letters:
        policy = {
            "deadLetterTargetArn": account.arn("sqs", settings.dead_letters),
            "maxReceiveCount": settings.attempts_max,
        }
        said["RedrivePolicy"] = msgspec.json.encode(policy).decode()
    return said


def wanted(names: list[str] | None) -> frozenset[str]:
    """Give the attributes that are asked for.

    Raises:
        AwsError: there is no such attribute.
    """
    for name in names or ():
        if name not in READABLE:
            raise unknown_attribute(name)
    said = frozenset(names or ())
    return READABLE if "All" in said else said


def is_counted(names: frozenset[str]) -> bool:
    """Say whether messages have to be counted for these."""
    return bool(names & _COUNTED)


def _counts(policy: str) -> bool:
    """Say whether the count stands there as a number; SQS takes texts as well."""
    return isinstance((_object(policy) or {}).get("maxReceiveCount"), int)


def _object(text: str) -> dict[str, Any] | None:
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
