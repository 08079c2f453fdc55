"""The fields packets are made of: numbers, texts, bytes; read with every length checked."""

from tapwater_server.services.mqtt.codec.reasons import malformed

VARINT_MAX = 268_435_455
TEXT_BYTES_MAX = 65_535


class Reader:
    """Takes one field after another from the body of a packet."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data, self._at, self._end = data, at, len(data)

    @property
    def at(self) -> int:
        """How many bytes have been taken."""
        return self._at

    def left(self) -> int:
        """How many bytes are still there."""
        return self._end - self._at

    def take(self, count: int) -> bytes:
        at = self._at
        if count > self._end - at:
            raise malformed("the packet ends in the middle of a field")
        self._at = at + count
        return self._data[at : self._at]

    def rest(self) -> bytes:
        return self.take(self._end - self._at)

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def flag(self) -> int:
        value = self.u8()
        if value > 1:
            raise malformed(f"a flag is 0 or 1, not {value}")
        return value

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 21:
                raise malformed("a variable length number has more than four bytes")
        if shift and byte == 0:
            raise malformed("a variable length number is longer than it needs to be")
        return value

    def binary(self) -> bytes:
        return self.take(self.u16())

    def text(self) -> str:
        raw = self.take(self.u16())
        try:
            value = raw.decode()  # Strict: no surrogates, no overlong forms.
        except UnicodeDecodeError:
            raise malformed("a text is not UTF-8") from None
        if "\0" in value:
            raise malformed("a text has U+0000 in it")
        return value

    def pair(self) -> tuple[str, str]:
        return self.text(), self.text()

    def packet_id(self) -> int:
        value = self.u16()
        if value == 0:
            raise malformed("a packet identifier is not 0")
        return value

    def end(self) -> None:
        """Refuse bytes that nobody asked for."""
        if self._at != self._end:
            raise malformed(f"{self._end - self._at} bytes are left over")


def u8(value: int) -> bytes:
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def varint(value: int) -> bytes:
    """Write a number in as few bytes as it needs.

    >>> varint(321)
    b'\\xc1\\x02'
    """
    assert 0 <= value <= VARINT_MAX
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def binary(value: bytes) -> bytes:
    assert len(value) <= TEXT_BYTES_MAX
    return len(value).to_bytes(2, "big") + value


def text(value: str) -> bytes:
    return binary(value.encode())


def pair(value: tuple[str, str]) -> bytes:
    return text(value[0]) + text(value[1])
