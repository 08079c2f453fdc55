"""How much each app keeps, and when that was last looked at: for the bill of storage.

KPG-1  kept() counts what is acknowledged: the JSON of documents, the bytes of all versions of
       blobs and of the parts of uploads that have not ended. Who keeps nothing is not named.
KPG-2  looked() is durable before it returns, and gives the moment said the time before, or None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.ids import AppId


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one app keeps, in bytes."""

    app: AppId
    doc_bytes: int = 0
    blob_bytes: int = 0


class Keeping(Protocol):
    """See the promises above."""

    async def kept(self) -> Sequence[Kept]: ...

    async def looked(self, at: float) -> float | None:
        """Write down when it was looked at; give when it was before."""
        ...
