"""Events follow what a reader sees: what they say when a blob came or went. Pure."""

import json

from tapwater_server.model.blob import Blob, Cause
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId

STORED = "tapwater.blob.stored"
DELETED = "tapwater.blob.deleted"


def blob_event(
    type: str, app: AppId, blob: Blob, cause: Cause, *, id: str, at: float, marker: str = ""
) -> Event:
    """Tell of a blob that was stored or deleted; ``marker`` is the version that hides it now."""
    data = {
        "bucket": blob.bucket,
        "key": blob.key,
        "size": blob.size,
        "etag": blob.etag,
        "content_type": blob.about.content_type,
        "metadata": dict(blob.about.metadata),
        "version": blob.version,
    }
    if cause.how:
        data["how"] = cause.how
    if marker:
        data["marker"] = marker
    return Event(
        id=id,
        app=app,
        type=type,
        source=f"/blobs/{blob.bucket}",
        subject=blob.key,
        at=at,
        data=json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode(),
        key=f"{blob.bucket}/{blob.key}",
        root=cause.root or id,
        depth=cause.depth,
        trace=cause.trace,
    )


def visible_change(before: Blob | None, after: Blob | None) -> tuple[str, Blob] | None:
    """Say which event a change raises, given what a reader saw before and sees now.

    >>> visible_change(None, None) is None
    True
    """
    if after is not None:
        changed = before is None or before.version != after.version or before != after
        return (STORED, after) if changed else None
    return (DELETED, before) if before is not None else None
