"""Blobs as files: a reader that fetches as it goes, and a writer that sends as it goes."""

import io
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tapwater.services.blob_sending import Sender
from tapwater.services.blob_values import PART_BYTES, Blob

# Fetches the bytes from the first to before the second position.
Fetch = Callable[[int, int], bytes]


class BlobReader(io.RawIOBase):
    """A blob that is fetched while it is read; seekable. ``open()`` puts a buffer around it."""

    def __init__(self, blob: Blob, fetch: Fetch) -> None:
        super().__init__()
        self.blob = blob
        self._fetch = fetch
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.blob.size}[whence]
        if start + offset < 0:
            raise ValueError("a position before the beginning")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        stop = min(self._at + min(len(buffer), PART_BYTES), self.blob.size)
        if stop <= self._at:
            return 0
        data = self._fetch(self._at, stop)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class BlobWriter:
    """A blob that is sent while it is written. Nobody sees any of it before ``close()``; leaving
    a ``with`` by an exception gives it up, and nothing remains.
    """

    def __init__(self, upload: Sender, *, text: bool) -> None:
        self._upload, self._text = upload, text
        self._held = bytearray()
        self._number = 0
        self.closed = False
        self.blob: Blob | None = None  # once it is closed

    def write(self, data: Any) -> int:
        """Take bytes, or text if it was opened for text."""
        if self.closed:
            raise ValueError("write to a closed blob")
        if self._text != isinstance(data, str):
            raise TypeError("write text" if self._text else "write bytes")
        self._held += data.encode() if self._text else data
        while len(self._held) > PART_BYTES:
            self._number += 1
            self._upload.send_part(self._number, bytes(self._held[:PART_BYTES]))
            del self._held[:PART_BYTES]
        return len(data)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing: a blob is there when it is closed."""

    def close(self) -> None:
        """Make it visible."""
        if not self.closed:
            self.closed = True
            self.blob = self._upload.finish(self._number, bytes(self._held))

    def abort(self) -> None:
        """Give it up."""
        if not self.closed:
            self.closed = True
            self._upload.give_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()
