"""A publisher that keeps to the letter of QoS 1 and 2 over any number of lost connections.

paho does not: when a reconnection fails, its next one sends a message of QoS 2 anew whose PUBREC it
has, and then the message is there twice, as the protocol says.
"""

import socket
from types import TracebackType
from typing import Self

from tapwater_server.services.mqtt.codec.packets import (
    V5,
    Ack,
    Connack,
    Connect,
    Kind,
    Packet,
    Properties,
    Publish,
)
from tapwater_server.services.mqtt.codec.reading import Splitter, read_packet
from tapwater_server.services.mqtt.codec.reasons import FAILURE
from tapwater_server.services.mqtt.codec.writing import write_packet

ANSWER_S_MAX = 20.0


class Strict:
    """Publishes, and knows of each message how far it is."""

    def __init__(self, port: int, *, user: str, password: str) -> None:
        self._port, self._user, self._password = port, user, password
        self._open: dict[int, Publish | Ack] = {}  # what is to be sent again
        self._last_id = 0
        self.acknowledged = 0
        self._socket: socket.socket | None = None
        self._splitter = Splitter(packet_bytes_max=1 << 20)

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    def connect(self) -> None:
        """Come back to the session, and send again what was not answered."""
        if self._socket is not None:
            self._socket.close()
        self._splitter = Splitter(packet_bytes_max=1 << 20)
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_S_MAX)
        self._send(
            Connect(
                version=V5,
                client_id="strict",
                clean_start=False,
                user=self._user,
                password=self._password.encode(),
                properties=Properties(session_expiry_s=3_600),
            )
        )
        [connack] = self._receive()
        assert isinstance(connack, Connack)
        assert connack.reason < FAILURE
        for packet in self._open.values():
            self._send(packet)

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        self._last_id += 1
        packet = Publish(topic=topic, payload=payload, qos=qos, packet_id=self._last_id)
        self._send(packet)
        again = Publish(topic=topic, payload=payload, qos=qos, packet_id=self._last_id, dup=True)
        self._open[self._last_id] = again

    def settle(self, *, left: int) -> None:
        """Read answers until no more than ``left`` messages are without their last one."""
        while len(self._open) > left:
            for packet in self._receive():
                assert isinstance(packet, Ack), packet
                self._hear(packet)

    def open(self) -> int:
        return len(self._open)

    def _hear(self, packet: Ack) -> None:
        if packet.kind is Kind.PUBREC and packet.packet_id in self._open:
            release = Ack(kind=Kind.PUBREL, packet_id=packet.packet_id)
            self._open[packet.packet_id] = release
            self._send(release)
        elif self._open.pop(packet.packet_id, None) is not None:
            self.acknowledged += 1

    def _send(self, packet: Packet) -> None:
        assert self._socket is not None
        self._socket.sendall(write_packet(packet, V5))

    def _receive(self) -> list[Packet]:
        assert self._socket is not None
        while True:
            data = self._socket.recv(65_536)
            assert data, "the broker closed the connection"
            found = [read_packet(*one, V5) for one in self._splitter.feed(data)]
            if found:
                return found
