"""The events that tell of changes of documents: ``tapwater.document.created`` and its like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.paths import DocPath
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId

SOURCE = "/docs"
TYPE_PREFIX = "tapwater.document."
CREATED, UPDATED, DELETED = (TYPE_PREFIX + what for what in ("created", "updated", "deleted"))
EVENT_BYTES_MAX = 512 << 10  # Of before and after together; an errand has room for no more.


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What a change came from: goes into its events."""

    root: str = ""
    depth: int = 0
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A document before and after; one of both may be missing."""

    path: DocPath
    before: Document | None
    after: Document | None

    @property
    def type(self) -> str:
        if self.before is None:
            return CREATED
        return DELETED if self.after is None else UPDATED


def event_of(app: AppId, change: Change, *, id: str, at: float, cause: Cause) -> Event:
    """Write the event of a change. What is too large is left out, and said so in ``left_out``."""
    before, after = change.before, change.after
    kept, left_out = _fitting(before, after)
    data: dict[str, Any] = {
        "id": change.path.id,
        "collection": change.path.collection,
        "path": str(change.path),
        "version": (after or before or _NONE).version,
        "before": msgspec.Raw(before.raw) if before and "before" in kept else None,
        "after": msgspec.Raw(after.raw) if after and "after" in kept else None,
    }
    if after is not None:
        data |= {"created_at": after.created_at, "updated_at": after.updated_at}
        if after.expires_at:
            data["expires_at"] = after.expires_at
    if left_out:
        data["left_out"] = left_out
    subject = str(change.path)
    return Event(
        id=id,
        app=app,
        type=change.type,
        source=SOURCE,
        subject=subject,
        at=at,
        data=msgspec.json.encode(data),
        key=subject,
        root=cause.root,
        depth=cause.depth,
        trace=cause.trace,
    )


_NONE = Document(path=DocPath("", ""), version=0, created_at=0.0, updated_at=0.0, raw=b"{}")


def _fitting(before: Document | None, after: Document | None) -> tuple[set[str], Sequence[str]]:
    """Keep what fits, what is now before what was."""
    kept, left_out, room = set(), [], EVENT_BYTES_MAX
    for name, document in (("after", after), ("before", before)):
        size = len(document.raw) if document else 0
        if size <= room:
            kept.add(name)
            room -= size
        else:
            left_out.append(name)
    return kept, left_out
