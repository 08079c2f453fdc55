"""A document as it is kept, and the sentence about it that clients read."""

from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.model.document.paths import DocPath

_HEAD_BYTES = 250  # Names, version and times.


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document. ``version`` rises with each change of anything in the database."""

    path: DocPath
    version: int
    created_at: float  # seconds since the epoch
    updated_at: float
    expires_at: float = 0.0  # 0.0: never
    raw: bytes  # the data, as JSON

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = msgspec.json.decode(self.raw)
        return data

    @property
    def etag(self) -> str:
        return f'"{self.version}"'

    @property
    def shown_bytes(self) -> int:
        """How many bytes ``shown()`` has as JSON, at most."""
        return len(self.raw) + 4 * len(str(self.path).encode()) + _HEAD_BYTES

    def shown(self) -> dict[str, Any]:
        """Give what clients read; the data stays as it was written."""
        shown = {
            "path": str(self.path),
            "id": self.path.id,
            "collection": self.path.collection,
            "version": self.version,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        if self.expires_at:
            shown["expires_at"] = self.expires_at
        return {**shown, "data": msgspec.Raw(self.raw)}
