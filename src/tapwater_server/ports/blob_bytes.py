"""The bytes of blobs, in pieces that never change. What they mean is in ``ports/blobs.py``.

BYT-1  What write() gave back is durable, and reads as the same bytes until it is removed.
BYT-2  A write that fails or is cancelled leaves nothing; what a kill left is named by names().
BYT-3  read() gives exactly the stretch asked for; a piece that is not there is NotFound before
       the first byte.
BYT-4  A full disk is StorageFull, and leaves nothing.
BYT-5  remove() of what is not there, or is gone already, is no error.
BYT-6  Bytes are handled in portions: memory in use does not grow with the size of a piece.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from typing import Protocol


class Digesting(Protocol):
    """Is shown all bytes in order while they are written, in whichever thread that happens."""

    def update(self, data: bytes) -> None: ...


class BlobBytes(Protocol):
    """See the promises above. (In an object store a piece is an object that is never replaced.)"""

    async def write(self, piece: str, chunks: AsyncIterator[bytes], digest: Digesting) -> int:
        """Keep what comes under a name that is not in use; say how many bytes it was.

        Raises:
            StorageFull: there is no room.
        """
        ...

    def read(self, piece: str, *, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Give the bytes from ``start`` to before ``stop``; to be closed by who stops early.

        Raises:
            NotFound: there is no such piece.
        """
        ...

    async def remove(self, pieces: Collection[str]) -> None: ...

    def names(self, *, older_than_s: float) -> AsyncIterator[Sequence[str]]:
        """Name all pieces that were last written to so long ago, in portions."""
        ...
