"""What happens to objects of S3, as its notifications and EventBridge tell it. Pure."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from tapwater_server.clouds.aws.shapes.times import in_millis

EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"  # of a delete marker
_REASONS = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something that happened to an object."""

    name: str  # "ObjectCreated:Put"
    bucket: str
    key: str
    size: int = 0
    etag: str = ""
    version: str = ""  # "": the bucket keeps none
    at: float
    id: str  # unique, and the same at each telling
    account: str
    region: str

    @property
    def removed(self) -> bool:
        return self.name.startswith(("ObjectRemoved", "LifecycleExpiration"))

    @property
    def sequencer(self) -> str:
        """Order what happened to one key: compare these as texts."""
        return f"{int(self.at * 1e6):018X}"


def stored_event(happened: Happened, *, configuration: str) -> dict[str, Any]:
    """Write the event of a notification, with its one record."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": happened.region,
        "eventTime": in_millis(happened.at),
        "eventName": happened.name,
        "userIdentity": {"principalId": f"AWS:{happened.account}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": happened.id, "x-amz-id-2": happened.id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": happened.bucket,
                "ownerIdentity": {"principalId": happened.account},
                "arn": f"arn:aws:s3:::{happened.bucket}",
            },
            "object": _object(happened),
        },
    }
    return {"Records": [record]}


def _object(happened: Happened) -> dict[str, Any]:
    said: dict[str, Any] = {"key": quote_plus(happened.key, safe="/")}
    if not happened.removed:
        said |= {"size": happened.size, "eTag": happened.etag}
    elif happened.name.endswith(":DeleteMarkerCreated"):
        said["eTag"] = EMPTY_ETAG
    if happened.version:
        said["versionId"] = happened.version
    return {**said, "sequencer": happened.sequencer}


def stored_detail(happened: Happened) -> tuple[str, dict[str, Any]]:
    """Write it for EventBridge: what kind of thing it is, and the detail."""
    object: dict[str, Any] = {"key": happened.key}
    if not happened.removed:
        object |= {"size": happened.size, "etag": happened.etag}
    if happened.version:
        object["version-id"] = happened.version
    detail = {
        "version": "0",
        "bucket": {"name": happened.bucket},
        "object": {**object, "sequencer": happened.sequencer},
        "request-id": happened.id,
        "requester": happened.account,
        "source-ip-address": "127.0.0.1",
        "reason": _reason(happened.name),
    }
    if not happened.removed:
        return "Object Created", detail
    marked = happened.name.endswith("DeleteMarkerCreated")
    kind = "Delete Marker Created" if marked else "Permanently Deleted"
    return "Object Deleted", {**detail, "deletion-type": kind}


def _reason(name: str) -> str:
    if name.startswith("LifecycleExpiration"):
        return "Lifecycle Expiration"
    return _REASONS.get(name, "DeleteObject")


def stored_test(bucket: str, *, at: float, id: str) -> dict[str, Any]:
    """Write what a queue or topic gets when a configuration names it."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": in_millis(at),
        "Bucket": bucket,
        "RequestId": id,
        "HostId": id,
    }
