"""A WebSocket as frames: RESULT 101 with MORE opens it, DONE ends it, MESSAGEs are between."""

from tapwater.problem import Problem
from tapwater.runtime import answers, wire
from tapwater.runtime.call import UNREAD_BYTES_MAX, Call
from tapwater.runtime.logs import SINK

MESSAGE_BYTES_MAX = wire.FRAME_BYTES_MAX - 64


class Conversation:
    """One WebSocket of one call."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def open(self, headers: wire.Headers) -> None:
        """Say yes."""
        self.call.started = True
        self.call.link.send(wire.pack_result(self.call.number, 101, headers, b"", more=True))

    async def receive(self) -> str | bytes | None:
        """The next message; None: the other side has closed."""
        call = self.call
        if not call.messages and call.cancelled is None:
            await call.link.wait_async(
                call, lambda: bool(call.messages) or call.cancelled is not None
            )
        if not call.messages:
            return None
        before = call.unread_bytes
        message = call.pop_message()
        if before > UNREAD_BYTES_MAX >= call.unread_bytes:
            call.link.hold_reading(hold=False)
        return message

    async def send(self, message: str | bytes) -> bool:
        """Send a message, when the host keeps up; False: the other side has closed.

        Raises:
            ValueError: it is larger than a frame.
        """
        call = self.call
        size = len(message.encode()) if isinstance(message, str) else len(message)
        if size > MESSAGE_BYTES_MAX:
            raise ValueError(f"a message of {size} bytes; the most is {MESSAGE_BYTES_MAX}")
        if not call.link.writable:
            await call.link.wait_async(
                call, lambda: call.link.writable or call.cancelled is not None
            )
        if call.cancelled is not None or call.ended:
            return False
        call.link.send(wire.pack_message(call.number, message))
        return True

    def close(self, code: int) -> None:
        """End it. Again means nothing."""
        if not self.call.ended:
            SINK.finish(self.call)
            self.call.ended = True
            self.call.link.send(wire.pack_done(self.call.number, code))

    def refuse(self, status: int) -> None:
        """Say no."""
        if not self.call.ended:
            self.call.ended = True
            whole = answers.refused(Problem(status, "This WebSocket is refused."))
            self.call.link.send(wire.pack_whole(self.call.number, *whole))

    @property
    def close_code(self) -> int:
        """The code the other side closed with, as far as the host said it."""
        digits = (self.call.cancelled or "").partition(" ")[0]
        return int(digits) if digits.isdecimal() and len(digits) == 4 else 1005
