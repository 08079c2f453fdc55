"""Hands letters to servers over SMTP, with the standard library, in a few threads of its own."""

import asyncio
import smtplib
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import Any

from tapwater_server.model.letter import Letter
from tapwater_server.model.reach import is_in_the_world
from tapwater_server.ports.mail import Refused, Server

THREADS_MAX = 4
ANSWER_S_MAX = 30.0  # Of one answer of the server's,
LETTER_S_MAX = 120.0  # and of all of it: a server may dribble.


class SmtpCarrier:
    """See ``ports.mail.Carrier``. ``context`` decides which certificates are trusted."""

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self._given = context
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="smtp")
        self._cords: set[_Cord] = set()

    def close(self) -> None:
        """What is under way is cut off: its letters are carried again, after the next start."""
        for cord in tuple(self._cords):
            cord.cut()
        self._threads.shutdown(wait=True, cancel_futures=True)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        # 25 ms and 4 MB: it reads the certificates of all the world. Not before a letter needs it.
        return self._given or ssl.create_default_context()

    async def carry(self, letter: Letter, server: Server) -> None:
        cord = _Cord()
        self._cords.add(cord)
        carrying = self._threads.submit(self._carry, letter, server, cord)
        carrying.add_done_callback(lambda _: self._cords.discard(cord))
        try:
            async with asyncio.timeout(LETTER_S_MAX):
                await asyncio.wrap_future(carrying)
        except TimeoutError:
            cord.cut()
            said = f"{server.host}: it took longer than {LETTER_S_MAX:g} s"
            raise Refused(said, final=False, silent=True) from None

    def _carry(self, letter: Letter, server: Server, cord: "_Cord") -> None:
        try:
            address = _address_of(server)
            with cord, self._connect(server, address, cord) as smtp:
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
            silent = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
            raise Refused(f"{server.host}: {said}"[:500], final=False, silent=silent) from None
        if refused:
            raise _of_recipients(refused, others=True)

    def _connect(self, server: Server, address: str, cord: "_Cord") -> smtplib.SMTP:
        if server.tls == "implicit":
            return _PinnedTls(server.host, server.port, address, cord, context=self._context)
        smtp = _Pinned(server.host, server.port, address, cord)
        try:
            if server.tls == "starttls":
                smtp.starttls(context=self._context)
        except BaseException:
            smtp.close()
            raise
        return smtp


class _Cord:
    """Lets the loop end a connection that a thread waits for, whatever wraps it by then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._is_cut = False

    def tie(self, connection: socket.socket) -> None:
        with self._lock:
            self._line = connection.dup()
            if self._is_cut:
                self._end()

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            self._end()

    def _end(self) -> None:
        if self._line is not None:
            with suppress(OSError):  # The other side was faster.
                self._line.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._line is not None:
                self._line.close()
            self._line = None


class _Pinned(smtplib.SMTP):
    """Connects to the address that was looked at, whatever the name stands for by now."""

    def __init__(self, host: str, port: int, address: str, cord: _Cord, **more: Any) -> None:
        self._address, self._cord = address, cord
        super().__init__(host, port, timeout=ANSWER_S_MAX, **more)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((self._address, port), timeout)
        self._cord.tie(connection)
        return connection


class _PinnedTls(_Pinned):
    """The same with TLS from the start."""

    def __init__(
        self, host: str, port: int, address: str, cord: _Cord, *, context: ssl.SSLContext
    ) -> None:
        self._tls, self._name = context, host
        super().__init__(host, port, address, cord)

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
    if not server.own_network and not is_in_the_world(address):
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
