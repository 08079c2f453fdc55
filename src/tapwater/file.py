"""A file that came with a form."""

from typing import IO


class File:
    """An uploaded file. Small ones are in memory, larger ones in /tmp; gone after the call."""

    __slots__ = ("content_type", "file", "name", "size")

    def __init__(self, file: IO[bytes], *, name: str, content_type: str, size: int) -> None:
        self.file = file
        self.name = name
        self.content_type = content_type
        self.size = size

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes, or all that is left."""
        return self.file.read(size)

    def save(self, path: str) -> None:
        """Copy the whole content into a file."""
        self.file.seek(0)
        with open(path, "wb") as target:
            while piece := self.file.read(1 << 16):
                target.write(piece)

    def close(self) -> None:
        self.file.close()
