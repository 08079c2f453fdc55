"""A real SMTP server that keeps what it is sent, for tests that wait for mail."""

import asyncio
import ssl
from asyncio import Server
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

WAIT_S_MAX = 60.0


class _OnFreePort(Controller):
    """A controller that looks for its server where the kernel put it."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class Receiver:
    """Listens on a loopback port in a thread of its own; says what it is told to say.

    ``tls``: from the first byte. ``options`` go to the server as they are (STARTTLS, passwords).
    """

    def __init__(self, *, port: int = 0, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self.says = "250 OK"
        self.envelopes: list[Envelope] = []
        self._mails: Queue[EmailMessage] = Queue()
        self._tls = tls
        self._controller = _OnFreePort(
            self, hostname="127.0.0.1", port=port, ssl_context=tls, **options
        )

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
    def port(self) -> int:
        return self._controller.port

    @property
    def url(self) -> str:
        scheme, host = ("smtp+plain", "127.0.0.1") if self._tls is None else ("smtps", "localhost")
        return f"{scheme}://{host}:{self.port}"

    def next_mail(self) -> EmailMessage:
        """Wait for a mail nobody has taken yet."""
        return self._mails.get(timeout=WAIT_S_MAX)

    async def next_mail_soon(self) -> EmailMessage:
        """The same, where others run meanwhile."""
        return await asyncio.to_thread(self.next_mail)

    def count(self) -> int:
        return self._mails.qsize()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.says.startswith("250"):
            self.envelopes.append(envelope)
            content = envelope.original_content
            assert content is not None
            self._mails.put(message_from_bytes(content, policy=policy.default))
        return self.says
