"""The resolver inside a function's network: its questions are answered on the host's side."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from tapwater_server.backends.linux import egress_dns as dns
from tapwater_server.backends.linux.egress_door import Door
from tapwater_server.backends.linux.egress_names import Names, NamesBusy, NoSuchName
from tapwater_server.backends.linux.egress_plan import Address, Target

ASKING_MAX = 32  # Questions of one function at a time; a resolver library asks again.
STREAMS_MAX = 16
STREAM_S_MAX = 10.0
STREAM_QUESTIONS_MAX = 64

Own = Callable[[Coroutine[Any, Any, None]], None]


class Answering:
    """Answers over UDP and TCP. Only addresses the function may reach are told to it."""

    def __init__(
        self,
        *,
        names: Names,
        door: Door,
        refusal: Callable[[Address, Target], str],
        note: Callable[[str], None],
        own: Own,
    ) -> None:
        self._names = names
        self._door = door
        self._refusal = refusal
        self._note = note
        self._own = own
        self._streams = 0
        self._asking = 0
        self.asked = 0

    def receive(self, sock: socket.socket) -> bool:
        """Take one question by UDP; False if none is there."""
        try:
            message, sender = sock.recvfrom(dns.MESSAGE_BYTES_MAX + 1)
        except OSError:
            return False  # Nothing more, or word of an asker who has gone.
        question = dns.parse(message)
        if question is not None:
            self._own(self._answer_datagram(sock, question, sender))
        return True

    async def _answer_datagram(
        self, sock: socket.socket, question: dns.Question, sender: Any
    ) -> None:
        _send(sock, await self.answer(question), sender)

    async def stream(self, conn: socket.socket) -> None:
        """Answer one TCP client until it goes, has asked enough or is too slow."""
        if self._streams >= STREAMS_MAX:
            conn.close()
            return
        self._streams += 1
        try:
            reader, writer = await asyncio.open_connection(sock=conn, limit=dns.MESSAGE_BYTES_MAX)
            try:
                async with asyncio.timeout(STREAM_S_MAX):
                    await self._converse(reader, writer)
            finally:
                writer.close()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return  # It is gone, slow, or done: all the same to us.
        finally:
            self._streams -= 1

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(STREAM_QUESTIONS_MAX):
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            if size > dns.MESSAGE_BYTES_MAX:
                return
            question = dns.parse(await reader.readexactly(size))
            if question is None:
                return
            message = await self.answer(question)
            writer.write(struct.pack("!H", len(message)) + message)
            await writer.drain()

    async def answer(self, question: dns.Question) -> bytes:
        """Answer one question."""
        self.asked += 1
        if question.problem is not dns.Code.OK:
            return dns.failure(question, question.problem)
        own = self._own_name(question.name)
        if own is not None:
            return dns.answer(question, own)
        if not question.for_address:
            return dns.answer(question, [])  # The name may exist; of this kind there is nothing.
        if self._asking >= ASKING_MAX:
            return dns.failure(question, dns.Code.FAILED)
        self._asking += 1
        try:
            return dns.answer(question, await self._reachable(question.name))
        except NoSuchName:
            return dns.failure(question, dns.Code.NO_SUCH_NAME)
        except NamesBusy:
            return dns.failure(question, dns.Code.FAILED)
        finally:
            self._asking -= 1

    def _own_name(self, name: str) -> list[Address] | None:
        """Give the inner address of a name that has one: declared by itself or below a domain."""
        inner = self._door.stands_for(name)
        return None if inner is None else [inner]

    async def _reachable(self, name: str) -> list[Address]:
        target = self._door.any_target()
        if target is None:
            self._note(f"egress to {name} refused: it is not declared")
            raise NoSuchName(name)
        found = await self._names.resolve(name)
        reasons = {address: self._refusal(address, target) for address in found}
        for why in filter(None, reasons.values()):
            self._note(f"egress to {name} refused: {why}")
        return [address for address, why in reasons.items() if not why]


def _send(sock: socket.socket, message: bytes, receiver: Any) -> None:
    # A full buffer, or a function that has gone: its resolver asks again, as with any DNS.
    with contextlib.suppress(OSError):
        sock.sendto(message, receiver)
