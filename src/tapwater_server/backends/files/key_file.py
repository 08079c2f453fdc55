"""A secret key in a file that only its owner can read."""

import os
from dataclasses import dataclass
from pathlib import Path

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Where a key is kept."""

    path: Path

    def read(self) -> bytes | None:
        """Give the key; None where there is no file."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def make(self) -> bytes:
        """Make a new key: whole or not at all, and never readable by others, not even for a
        moment.
        """
        key = os.urandom(KEY_BYTES)
        making = self.path.with_name(f"{self.path.name}.new")
        making.unlink(missing_ok=True)
        fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(fd)
        making.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return key


def ensure_key(path: Path) -> bytes:
    """Read the key; make one where there is none. One that was spoilt is made anew: what was
    signed with the old one is void.
    """
    file = KeyFile(path)
    key = file.read()
    return key if key is not None and len(key) == KEY_BYTES else file.make()
