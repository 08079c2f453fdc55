"""Hands letters to servers over SMTP, with the standard library, in a few threads of its own."""

import asyncio
import ipaddress
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tapwater_server.model.letter import Letter
from tapwater_server.ports.mail import Refused, Server

THREADS_MAX = 4
ANSWER_S_MAX = 30.0


class SmtpCarrier:
    """See ``ports.mail.Carrier``. ``context`` decides which certificates are trusted."""

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self._context = context or ssl.create_default_context()
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="smtp")

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    async def carry(self, letter: Letter, server: Server) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._carry, letter, server)

    def _carry(self, letter: Letter, server: Server) -> None:
        try:
            address = _address_of(server)
            with self._connect(server, address) as smtp:
                if server.user:
                    smtp.login(server.user, server.password)
                refused = smtp.sendmail(letter.sender, list(letter.recipients), letter.raw)
        except smtplib.SMTPRecipientsRefused as error:
            raise _of_recipients(error.recipients) from None
        except smtplib.SMTPAuthenticationError as error:
            raise Refused(_sentence(error), final=False) from None  # Somebody may yet correct it.
        except smtplib.SMTPResponseException as error:
            raise Refused(_sentence(error), final=500 <= error.smtp_code < 600) from None
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            said = str(error) or type(error).__name__
            raise Refused(f"{server.host}: {said}"[:500], final=False) from None
        if refused:
            raise _of_recipients(refused, others=True)

    def _connect(self, server: Server, address: str) -> smtplib.SMTP:
        if server.tls == "implicit":
            return _PinnedTls(server.host, server.port, address=address, context=self._context)
        smtp = _Pinned(server.host, server.port, address=address)
        try:
            if server.tls == "starttls":
                smtp.starttls(context=self._context)
        except BaseException:
            smtp.close()
            raise
        return smtp


class _Pinned(smtplib.SMTP):
    """Connects to the address that was looked at, whatever the name stands for by now."""

    def __init__(self, host: str, port: int, *, address: str, **more: Any) -> None:
        self._address = address
        super().__init__(host, port, timeout=ANSWER_S_MAX, **more)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((self._address, port), timeout)


class _PinnedTls(_Pinned):
    """The same with TLS from the start."""

    def __init__(self, host: str, port: int, *, address: str, context: ssl.SSLContext) -> None:
        self._tls, self._name = context, host
        super().__init__(host, port, address=address)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        return self._tls.wrap_socket(plain, server_hostname=self._name)


def _address_of(server: Server) -> str:
    """Look the server's name up, and refuse what an app must not reach through us.

    Raises:
        Refused: it is on this machine or in its network, and may not be.
    """
    found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    address = str(found[0][4][0])
    if not server.own_network and not ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise Refused(
            f"{server.host} is in the node's own network, where apps may not send mail",
            final=True,
        )
    return address


def _of_recipients(refused: dict[str, tuple[int, bytes]], *, others: bool = False) -> Refused:
    """Some or all addresses were refused. When others were taken, trying again would repeat it."""
    said = "; ".join(
        f"{address}: {code} {text.decode('utf-8', 'replace')}"
        for address, (code, text) in refused.items()
    )
    final = others or all(500 <= code < 600 for code, _ in refused.values())
    return Refused(said[:500], final=final)


def _sentence(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"{error.smtp_code} {said}"[:500]
