"""Services of Tapwater on AWS: blobs on S3, queues on SQS, topics on SNS, events on the bus.

What has no counterpart says so when it is asked; the report of the export has listed it.
"""

import importlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from tapwater.services.transport import Reply, Request, ServiceError
from tapwater_server.cli.aws.leaving.shim import blobs
from tapwater_server.cli.aws.leaving.shim.telling import CONTENT_TYPE, packed

PLACES = "TAPWATER_PLACES"  # {"queues": {"emails": URL}, "topics": {…: ARN}, "blobs": {…: bucket}}
BUS = "TAPWATER_BUS"
_SOURCE = "tapwater"


class OnAws:
    """Carries requests to AWS' services."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self.uploads = blobs.Uploads()
        self._places: Mapping[str, Mapping[str, str]] = json.loads(os.environ.get(PLACES, "{}"))

    def send(self, request: Request) -> Reply:
        service, *rest = [unquote(part) for part in request.path.strip("/").split("/")]
        carry = _CARRIERS.get(service)
        if carry is None:
            raise ServiceError(
                f"{service} has no counterpart in this export", code="not_implemented", status=501
            )
        return carry(self, request, rest)

    def client(self, service: str) -> Any:
        """Open a client of boto3, which Lambda's runtimes for Python bring."""
        if service not in self._clients:
            self._clients[service] = importlib.import_module("boto3").client(service)
        return self._clients[service]

    def place(self, kind: str, name: str) -> str:
        """Say what something of the app is on AWS."""
        found = self._places.get(kind, {}).get(name)
        if found is None:
            raise ServiceError(
                f"{kind}/{name} is not in the template of this export", code="not_found", status=404
            )
        return found


def _queues(aws: OnAws, request: Request, rest: list[str]) -> Reply:
    if request.method != "POST" or len(rest) != 2 or rest[1] != "messages":
        raise ServiceError("only sending goes to SQS", code="not_implemented", status=501)
    url, sent = aws.place("queues", rest[0]), []
    for one in json.loads(request.body)["messages"]:
        body, kind = packed(one)
        more = {"DelaySeconds": min(900, round(one["delay_s"]))} if one.get("delay_s") else {}
        said = aws.client("sqs").send_message(
            QueueUrl=url, MessageBody=body, MessageAttributes=_attributes(one, kind), **more
        )
        sent.append({"id": said["MessageId"], "duplicate": False})
    return _json({"messages": sent})


def _topics(aws: OnAws, request: Request, rest: list[str]) -> Reply:
    if request.method != "POST" or len(rest) != 1:
        raise ServiceError("only publishing goes to SNS", code="not_implemented", status=501)
    arn, sent = aws.place("topics", rest[0]), []
    for one in json.loads(request.body)["messages"]:
        body, kind = packed(one)
        said = aws.client("sns").publish(
            TopicArn=arn, Message=body, MessageAttributes=_attributes(one, kind)
        )
        sent.append({"id": said["MessageId"], "duplicate": False})
    return _json({"messages": sent})


def _attributes(one: Mapping[str, Any], kind: str) -> dict[str, Any]:
    said = {**(one.get("attributes") or {}), CONTENT_TYPE: kind}
    return {name: {"DataType": "String", "StringValue": str(value)} for name, value in said.items()}


def _events(aws: OnAws, request: Request, rest: list[str]) -> Reply:
    if request.method != "POST" or rest:
        raise ServiceError("only publishing goes to the bus", code="not_implemented", status=501)
    said = json.loads(request.body)
    several = said if isinstance(said, list) else [said]
    entries = [
        {
            "EventBusName": os.environ.get(BUS, "default"),
            "Source": str(one.get("source") or _SOURCE),
            "DetailType": str(one["type"]),
            "Detail": json.dumps({"specversion": "1.0", **one}),
        }
        for one in several
    ]
    answer = aws.client("events").put_events(Entries=entries)
    if answer.get("FailedEntryCount"):
        raise ServiceError("the bus has not taken the event", code="overloaded", status=503)
    return _json({"ids": [str(one.get("id", "")) for one in several]})


def _blobs(aws: OnAws, request: Request, rest: list[str]) -> Reply:
    if rest[:2] == ["-", "uploads"]:
        whole = aws.uploads.take(request, rest[2:])
        if isinstance(whole, Reply):
            return whole
        request = whole  # All of it is there: it goes as one.
        rest = [unquote(part) for part in request.path.strip("/").split("/")][1:]
    return blobs.carry(aws.client("s3"), lambda name: aws.place("blobs", name), request, rest)


def _json(value: Any) -> Reply:
    return Reply(
        status=200, headers={"content-type": "application/json"}, body=json.dumps(value).encode()
    )


_CARRIERS: Mapping[str, Callable[[OnAws, Request, list[str]], Reply]] = {
    "queues": _queues,
    "topics": _topics,
    "events": _events,
    "blobs": _blobs,
}
