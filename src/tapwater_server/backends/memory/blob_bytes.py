"""Pieces of blobs in memory: the reference."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence

from tapwater_server.model.errors import NotFound, StorageFull
from tapwater_server.ports.blob_bytes import Digesting
from tapwater_server.ports.clock import Clock

_READ_BYTES = 64 << 10


class MemoryBlobBytes:
    """See the promises of ``ports/blob_bytes.py``. ``bytes_max`` is how large the "disk" is."""

    def __init__(self, *, clock: Clock, bytes_max: int = 1 << 30) -> None:
        self._clock, self._bytes_max = clock, bytes_max
        self._pieces: dict[str, tuple[bytes, float]] = {}

    async def write(self, piece: str, chunks: AsyncIterator[bytes], digest: Digesting) -> int:
        assert piece not in self._pieces
        data = bytearray()
        used = sum(len(each) for each, _ in self._pieces.values())
        async for chunk in chunks:
            data += chunk
            digest.update(chunk)
            if used + len(data) > self._bytes_max:
                raise StorageFull("the disk is full: nothing of this was kept")
        self._pieces[piece] = (bytes(data), self._clock.now())
        return len(data)

    async def read(self, piece: str, *, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        if piece not in self._pieces:
            raise NotFound("the bytes of this blob are gone", piece=piece)
        data = self._pieces[piece][0]
        for at in range(start, stop, _READ_BYTES):
            yield data[at : min(at + _READ_BYTES, stop)]

    async def remove(self, pieces: Collection[str]) -> None:
        for piece in pieces:
            self._pieces.pop(piece, None)

    async def names(self, *, older_than_s: float) -> AsyncIterator[Sequence[str]]:
        before = self._clock.now() - older_than_s
        yield [piece for piece, (_, at) in self._pieces.items() if at < before]
