"""A secret key in a file that only its owner can read."""

import os
from pathlib import Path

KEY_BYTES = 32


def ensure_key(path: Path) -> bytes:
    """Read the key; make one where there is none. One that was spoilt is made anew: what was
    signed with the old one is void.
    """
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) != KEY_BYTES:
        key = os.urandom(KEY_BYTES)
        _write(path, key)
    return key


def _write(path: Path, key: bytes) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    making = path.with_name(f"{path.name}.new")
    making.unlink(missing_ok=True)
    fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(fd)
    making.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
