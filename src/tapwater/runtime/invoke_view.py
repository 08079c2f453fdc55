"""An INVOKE that is read only where somebody looks: the guest's form of ``wire.read_invoke``."""

import struct

from tapwater.runtime.wire import AHEAD, INVOKE_HEAD, MORE, SECOND, Headers, WireError, read_headers


class InvokeView:
    """An INVOKE of which only what is asked for is read: most functions want very little."""

    __slots__ = ("_end", "_fields", "_payload")

    def __init__(self, payload: bytes) -> None:
        """Look at the sizes.

        Raises:
            WireError: it is cut short.
        """
        try:
            self._fields = fields = INVOKE_HEAD.unpack_from(payload)
        except struct.error as error:
            raise WireError("an invocation that is cut short") from error
        self._payload = payload
        self._end = end = INVOKE_HEAD.size + sum(fields[4:])
        if end > len(payload):
            raise WireError("an invocation that is cut short")

    @property
    def verb(self) -> int:
        return int(self._fields[0])

    @property
    def more(self) -> bool:
        return bool(self._fields[1] & MORE)

    @property
    def ahead(self) -> bool:
        """Whether it must be claimed before it is begun."""
        return bool(self._fields[1] & AHEAD)

    @property
    def pipe(self) -> int:
        """Where its claim is: 0 or 1."""
        return 1 if self._fields[1] & SECOND else 0

    @property
    def depth(self) -> int:
        return int(self._fields[2])

    @property
    def timeout_s(self) -> float:
        return float(self._fields[3])

    @property
    def method(self) -> bytes:
        at = INVOKE_HEAD.size + self._fields[4]
        return self._payload[at : at + self._fields[5]]

    @property
    def headers(self) -> Headers:
        return read_headers(self._payload, self._end - self._fields[14], self._end)

    @property
    def body(self) -> bytes:
        return self._payload[self._end :]

    def text(self, index: int) -> bytes:
        """One of the texts, counted as in ``Invoke`` from ``id``, which is 0."""
        at = INVOKE_HEAD.size + sum(self._fields[4 : 4 + index])
        return self._payload[at : at + self._fields[4 + index]]
