"""How much each app keeps, in memory: the reference, asked of those who keep."""

from collections.abc import Callable, Mapping, Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.ports.keeping import Kept

Sizes = Callable[[], Mapping[AppId, int]]


class MemoryKeeping:
    """See the promises of ``ports/keeping.py``."""

    def __init__(self, *, documents: Sizes, blobs: Sizes) -> None:
        self._documents, self._blobs = documents, blobs
        self._looked: float | None = None

    async def kept(self) -> Sequence[Kept]:
        documents, blobs = self._documents(), self._blobs()
        found = (
            Kept(app=app, doc_bytes=documents.get(app, 0), blob_bytes=blobs.get(app, 0))
            for app in sorted({*documents, *blobs})
        )
        return [one for one in found if one.doc_bytes or one.blob_bytes]

    async def looked(self, at: float) -> float | None:
        before, self._looked = self._looked, at
        return before
