"""What AWS tells a function, as the events that functions of Tapwater are told. Pure."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

Told = dict[str, Any]
BATCH = "tapwater.batch"
CONTENT_TYPE = "contenttype"  # the attribute of a message that says what its body is


def told(event: Mapping[str, Any], patterns: Mapping[str, str]) -> list[Told]:
    """Read what came; ``patterns`` are the function's own, by the kind of trigger.

    >>> told({"source": "aws.scheduler", "id": "1"}, {})[0]["type"]
    'tapwater.schedule.tick'
    """
    records = event.get("Records")
    if not isinstance(records, list):
        return [_of_bus(event)]
    return [one for record in records for one in _of_record(record, patterns)]


def batch(events: list[Told]) -> Told:
    """Tell several at once."""
    return {"specversion": "1.0", "type": BATCH, "events": events}


def _of_record(record: Mapping[str, Any], patterns: Mapping[str, str]) -> Iterator[Told]:
    if record.get("eventSource") == "aws:sqs":
        yield _of_queue(record)
    elif record.get("EventSource") == "aws:sns":
        yield _of_topic(record["Sns"])
    elif record.get("eventSource") == "aws:s3":
        yield from _of_bucket(record, patterns)


def _of_queue(record: Mapping[str, Any]) -> Told:
    attributes = record.get("messageAttributes") or {}
    said = {name: str(one.get("stringValue", "")) for name, one in attributes.items()}
    name = str(record.get("eventSourceARN", "")).rpartition(":")[2]
    return {
        **_extensions(said),
        "specversion": "1.0",
        "id": record["messageId"],
        "type": "tapwater.queue.message",
        "source": f"/queues/{name}",
        **content(record["body"], said.get(CONTENT_TYPE, "text/plain")),
        "delivery": record["messageId"],
        "attempt": int((record.get("attributes") or {}).get("ApproximateReceiveCount", 1)),
    }


def _of_topic(sns: Mapping[str, Any]) -> Told:
    said = {k: str(v.get("Value", "")) for k, v in (sns.get("MessageAttributes") or {}).items()}
    return {
        **_extensions(said),
        "specversion": "1.0",
        "id": sns["MessageId"],
        "type": "tapwater.topic.message",
        "source": f"/topics/{str(sns['TopicArn']).rpartition(':')[2]}",
        "time": sns.get("Timestamp", ""),
        **content(sns["Message"], said.get(CONTENT_TYPE, "text/plain")),
        "delivery": sns["MessageId"],
    }


def _of_bucket(record: Mapping[str, Any], patterns: Mapping[str, str]) -> Iterator[Told]:
    s3, name = record["s3"], str(record.get("eventName", ""))
    stored = "ObjectCreated" in name
    key = unquote_plus(s3["object"]["key"])
    pattern = patterns.get("upload" if stored else "blob_deleted", "")
    params = match(pattern, key)
    if params is None:
        return  # S3 knows prefixes and suffixes only; the pattern is finer.
    bucket = pattern.partition("/")[0] or s3["bucket"]["name"]
    id = s3["object"].get("sequencer") or record.get("eventTime", "")
    yield {
        "specversion": "1.0",
        "id": f"{bucket}/{key}/{id}",
        "type": f"tapwater.blob.{'stored' if stored else 'deleted'}",
        "source": f"/blobs/{bucket}",
        "subject": key,
        "time": record.get("eventTime", ""),
        "data": {
            "bucket": bucket,
            "key": key,
            "size": s3["object"].get("size", 0),
            "etag": s3["object"].get("eTag", ""),
            "content_type": "",
            "metadata": {},
            "version": s3["object"].get("versionId", ""),
        },
        "params": params,
    }


def _of_bus(event: Mapping[str, Any]) -> Told:
    """Read what EventBridge tells; what we sent there carries the whole event."""
    detail = event.get("detail")
    if isinstance(detail, Mapping) and detail.get("specversion"):
        return {**detail, "delivery": event.get("id", "")}
    tick = event.get("source") in ("aws.events", "aws.scheduler")
    return {
        "specversion": "1.0",
        "id": str(event.get("id", "")),
        "type": "tapwater.schedule.tick" if tick else str(event.get("detail-type", "")),
        "source": str(event.get("source", "")),
        "time": str(event.get("time", "")),
        "data": detail,
        "delivery": str(event.get("id", "")),
    }


def content(body: str, content_type: str) -> Told:
    """Read a body by what is said of it.

    >>> content('{"a": 1}', "application/json")
    {'data': {'a': 1}}
    """
    kind = content_type.partition(";")[0]
    if kind == "application/json" or kind.endswith("+json"):
        return {"data": json.loads(body)}
    if kind == "application/octet-stream":
        return {"datacontenttype": content_type, "data_base64": body}
    return {"datacontenttype": content_type, "data": body}


def packed(said: Mapping[str, Any]) -> tuple[str, str]:
    """Write a message's body as a text, and say what it is: the way back of ``content``."""
    if "base64" in said:
        base64.b64decode(said["base64"], validate=True)
        return str(said["base64"]), str(said.get("content_type") or "application/octet-stream")
    if "text" in said:
        return str(said["text"]), str(said.get("content_type") or "text/plain")
    return json.dumps(said.get("body")), str(said.get("content_type") or "application/json")


def _extensions(said: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in said.items() if name != CONTENT_TYPE}


_PARTS = re.compile(r"(?P<rest>\*\*)|(?P<star>\*)|\{(?P<name>\w+)\}|(?P<plain>[^*{}]+)")


def match(pattern: str, key: str) -> dict[str, str] | None:
    """Match a key with a pattern whose first part is the bucket; None: it does not.

    >>> match("avatars/{user}/*.png", "ada/me.png"), match("avatars/**", "a/b")
    ({'user': 'ada'}, {})
    """
    regex = ""
    for part in _PARTS.finditer(pattern.partition("/")[2]):
        kind = part.lastgroup
        if kind == "rest":
            regex += ".*"
        elif kind == "plain":
            regex += re.escape(part[0])
        else:
            regex += "[^/]+" if kind == "star" else f"(?P<{part['name']}>[^/]+)"
    found = re.fullmatch(regex or ".*", key)
    return None if found is None else found.groupdict()
