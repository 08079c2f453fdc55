"""The end of what a process wrote to its stdout and stderr."""

import asyncio
import os

TAIL_BYTES = 8 << 10
_READ_BYTES = 16 << 10


class Tail:
    """Reads a pipe so that nobody blocks on it, and keeps the last of it. Owns the descriptor."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._kept = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._read)

    def text(self) -> str:
        """Give what is kept, with what still lies in the pipe."""
        while self._fd >= 0 and self._read():
            pass
        return self._kept.decode(errors="replace").strip()

    def close(self) -> None:
        """Read what is left, then close."""
        self.text()
        self._stop()

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._stop()
            return False
        self._kept = (self._kept + data)[-TAIL_BYTES:]
        return len(data) == _READ_BYTES

    def _stop(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
