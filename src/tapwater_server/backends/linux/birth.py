"""The birth of one instance, from the platform's side: proven, limited, told to go on."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

from tapwater.runtime.birth import GO, HELLO, READY
from tapwater_server.backends.linux import credentials
from tapwater_server.backends.linux.group import Group
from tapwater_server.backends.linux.guest import LinuxGuest, close_fds
from tapwater_server.backends.linux.output import TAIL_BYTES
from tapwater_server.model.errors import StartFailed


class Birth:
    """Holds what a new instance will own until it is one, and lets go of all if it fails."""

    def __init__(self, *, group: Group, name: str) -> None:
        self._name = name
        self._group = group
        self._sock, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        credentials.ask(self._sock)
        theirs.setblocking(True)
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        self._theirs = [theirs.detach(), output, *map(os.dup, group.entry_fds())]
        self._sender: credentials.Sender | None = None
        self._loop = asyncio.get_running_loop()
        self.lost = False  # It has ended, or says what it should not.
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._sock.fileno(), self._read)

    def take_theirs(self) -> list[int]:
        """Give the descriptors meant for the instance; whoever takes them closes them."""
        theirs, self._theirs = self._theirs, []
        return theirs

    async def wait_done(self) -> None:
        """Wait until it is proven, confined and limited.

        Raises:
            StartFailed: it ended before, or did not keep to the protocol.
        """
        await self._done

    @property
    def pid(self) -> int:
        """The process, once it is proven."""
        return self._sender.pid if self._sender is not None else 0

    def memory_now_bytes(self) -> int:
        """What it holds now."""
        return self._group.memory_now_bytes() or 0

    def fail(self, why: str) -> None:
        """Hear that nothing will come of it."""
        self.lost = True
        if not self._done.done():
            self._done.set_exception(StartFailed(why))

    def make_guest(self, *, alone: bool, gone: Callable[[LinuxGuest], None]) -> LinuxGuest:
        """Hand over everything."""
        assert self._sender is not None
        self._loop.remove_reader(self._sock.fileno())
        credentials.ask(self._sock, on=False)
        with contextlib.suppress(BrokenPipeError):  # It has ended: the guest will tell how.
            self._sock.send(GO)
        return LinuxGuest(
            pid=self._sender.pid,
            pidfd=self._sender.pidfd,
            sock=self._sock,
            output_fd=self._output,
            group=self._group,
            alone=alone,
            gone=gone,
        )

    def abort(self) -> None:
        """End and close everything."""
        if not self._done.done():
            self._done.cancel()
        elif not self._done.cancelled():
            self._done.exception()
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        close_fds(self._output, *self.take_theirs())
        self._output = -1
        if self._sender is not None:
            os.close(self._sender.pidfd)
            self._sender = None
        self._group.kill()
        self._group.remove()

    def _read(self) -> None:
        try:
            byte, sender = credentials.receive(self._sock, 1)
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(f"{self._name}: the instance ended while it was made: {error}")
            return
        if byte == HELLO and self._sender is None and sender is not None:
            self._sender = sender
            self._attach()
            return
        if sender is not None:
            os.close(sender.pidfd)
        if byte == READY and self._sender is not None:
            if not self._done.done():
                self._done.set_result(None)
            return
        self._loop.remove_reader(self._sock.fileno())
        self.fail(f"{self._name}: the instance ended while it was made{self._last_words()}")

    def _attach(self) -> None:
        assert self._sender is not None
        try:
            self._group.attach(self._sender.pid)
        except ProcessLookupError:
            self.fail(f"{self._name}: the instance ended while it was made{self._last_words()}")

    def _last_words(self) -> str:
        try:
            text = os.read(self._output, TAIL_BYTES).decode(errors="replace").strip()
        except BlockingIOError:
            return ""
        return f":\n{text}" if text else ""
