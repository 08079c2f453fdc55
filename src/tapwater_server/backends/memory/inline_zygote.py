"""The process behind an inline zygote: imports the module, forks when asked, reaps. Unconfined."""

import json
import os
import selectors
import signal
import socket
import sys
from typing import Any

from tapwater.runtime.channel import Channel
from tapwater.runtime.loading import Loaded, LoadError, load
from tapwater.runtime.runner import run


class InlineZygote:
    """One control channel up, many children below."""

    def __init__(self, channel: Channel, loaded: Loaded | None, image: dict[str, Any]) -> None:
        self._channel = channel
        self._loaded = loaded
        self._image = image
        self._children: set[int] = set()
        self._closed = False

    def serve(self) -> None:
        """Obey until the platform closes the channel, then end all children."""
        woken, wake = socket.socketpair()
        for sock in (woken, wake):
            sock.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        selector = selectors.DefaultSelector()
        selector.register(self._channel.sock, selectors.EVENT_READ, self._hear)
        selector.register(woken, selectors.EVENT_READ, lambda: self._reap(woken))
        going = True
        while going and not (self._closed and not self._children):
            for key, _ in selector.select():
                going = key.data() and going
        for pid in self._children:
            os.killpg(pid, signal.SIGKILL)

    def _hear(self) -> bool:
        while True:
            taken = self._channel.wait_message()
            if taken is None:
                return False
            message, fds = taken
            if "close" in message:
                self._closed = True
            else:
                self._fork(message["fork"], *fds)
            if not self._channel.waiting:
                return True

    def _fork(self, id: int, sock_fd: int, output_fd: int) -> None:
        pid = os.fork()
        if not pid:
            self._be(sock_fd, output_fd)
        os.setpgid(pid, pid)
        os.close(sock_fd)
        os.close(output_fd)
        self._children.add(pid)
        self._channel.send({"forked": id, "pid": pid})

    def _be(self, sock_fd: int, output_fd: int) -> None:
        """Be the instance. Does not return."""
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._channel.close()
            os.dup2(output_fd, 1)
            os.dup2(output_fd, 2)
            os.close(output_fd)
            run(socket.socket(fileno=sock_fd), self._loaded, self._image)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        sys.stdout.flush()
        os._exit(0)

    def _reap(self, woken: socket.socket) -> bool:
        woken.recv(4096)
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            self._children.discard(pid)
            self._channel.send({"died": pid, "status": status})
        return True


def main() -> None:
    """``inline_zygote FD IMAGE``: import, say how that went, then fork on request."""
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    image = json.loads(sys.argv[2])
    loaded = None
    if not image["after_fork_import"]:
        try:
            loaded = load(image)
        except LoadError as error:
            channel.send({"failed": str(error)})
            return
    channel.send({"ready": dict(loaded.manifest) if loaded is not None else {}})
    InlineZygote(channel, loaded, image).serve()


if __name__ == "__main__":
    main()
