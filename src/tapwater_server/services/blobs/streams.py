"""Takes content in, as pieces on disk that nobody sees yet, and gives stretches of it out."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from tapwater_server.model.blob import INLINE_BYTES_MAX, Piece
from tapwater_server.model.errors import TooLarge
from tapwater_server.ports.blob_bytes import BlobBytes
from tapwater_server.ports.blobs import Held
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.blobs.digests import Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStats:
    """What has gone through so far."""

    bytes_in: int
    bytes_out: int
    reading: int  # pieces, just now


class Streams:
    """The way of bytes in and out. Knows which pieces are being read just now."""

    def __init__(self, *, bytes: BlobBytes, ids: IdSource) -> None:
        self._bytes, self._ids = bytes, ids
        self._reading: Counter[str] = Counter()
        self._in = self._out = 0

    def stats(self) -> StreamStats:
        return StreamStats(bytes_in=self._in, bytes_out=self._out, reading=self._reading.total())

    async def take(
        self, chunks: AsyncIterator[bytes], digests: Digests, *, bytes_max: int
    ) -> Piece:
        """Read all there is into a piece: little content into the value, more onto the disk.

        Raises:
            TooLarge: it has more than ``bytes_max`` bytes; nothing is kept.
            StorageFull: there is no room; nothing is kept.
        """
        within = _within(chunks, bytes_max)
        head = bytearray()
        async for chunk in within:
            head += chunk
            if len(head) > INLINE_BYTES_MAX:
                break
        else:
            data = bytes(head)
            digests.update(data)
            self._in += len(data)
            return Piece(size=len(data), data=data)
        name = self._ids.fresh()
        size = await self._bytes.write(name, _chain(bytes(head), within), digests)
        self._in += size
        return Piece(size=size, name=name)

    async def drop(self, piece: Piece) -> None:
        """Remove what was taken in and will not be used."""
        if piece.name:
            await self._bytes.remove([piece.name])

    async def give(self, held: Held, *, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Give the bytes from ``start`` to before ``stop``, even if the blob goes meanwhile."""
        names = [piece.name for piece in held.pieces if piece.name]
        self._reading.update(names)
        try:
            at = 0
            for piece in held.pieces:
                low, high = max(start - at, 0), min(stop - at, piece.size)
                at += piece.size
                if low < high:
                    async with aclosing(self._read(piece, low, high)) as parts:
                        async for part in parts:
                            self._out += len(part)
                            yield part
        finally:
            self._reading.subtract(names)
            self._reading += Counter()  # Without those at zero.

    def is_read(self, piece: str) -> bool:
        return self._reading[piece] > 0

    async def _read(self, piece: Piece, low: int, high: int) -> AsyncGenerator[bytes, None]:
        if not piece.name:
            yield piece.data[low:high]
            return
        async with aclosing(self._bytes.read(piece.name, start=low, stop=high)) as parts:
            async for part in parts:
                yield part


async def _within(chunks: AsyncIterator[bytes], bytes_max: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > bytes_max:
            raise TooLarge(f"the content has more than {bytes_max} bytes")
        yield chunk


async def _chain(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
