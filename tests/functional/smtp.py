"""A real SMTP server that keeps what it is sent, for tests that wait for mail."""

from asyncio import Server
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller

WAIT_S_MAX = 60.0


class _OnFreePort(Controller):
    """A controller that looks for its server where the kernel put it."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class Receiver:
    """Listens on a free loopback port in a thread of its own."""

    def __init__(self) -> None:
        self._mails: Queue[EmailMessage] = Queue()
        self._controller = _OnFreePort(self, hostname="127.0.0.1", port=0)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self._controller.port}"

    def next_mail(self) -> EmailMessage:
        """Wait for a mail nobody has taken yet."""
        return self._mails.get(timeout=WAIT_S_MAX)

    def count(self) -> int:
        return self._mails.qsize()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        parsed = message_from_bytes(envelope.original_content, policy=policy.default)
        self._mails.put(parsed)
        return "250 OK"
