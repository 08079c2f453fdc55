"""What a function prints or logs, as LOG frames that name the call. Silent functions pay nothing.

Installed before the user's module is imported, so that whoever keeps a reference to
``sys.stderr`` keeps ours; connected to the platform in each instance.
"""

import contextvars
import io
import logging
import sys
from typing import TYPE_CHECKING, TextIO

from tapwater.runtime.wire import Kind, Level, pack

if TYPE_CHECKING:
    from tapwater.runtime.call import Call, Link

LINE_BYTES_MAX = 16 << 10
CALL_BYTES_MAX = 1 << 20
_LINES_MAX = 4096  # of one write
_PRINT, _STDERR = 0x10, 0x20  # Where a line was said: the high digit of a LOG's first byte.
# So many members has a record that was logged without ``extra``; formatting adds some.
PLAIN_MAX = len(logging.makeLogRecord({}).__dict__)

CURRENT: contextvars.ContextVar["Call | None"] = contextvars.ContextVar("call", default=None)


class Sink:
    """Where the lines go. One for the process; ``serial`` is the call where there is only one."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.serial: Call | None = None
        self.held = b""  # frames that go with the next ones
        self.partial: dict[tuple[int, int], str] = {}  # lines without their end, by call and level
        self._loose_bytes = 0

    def call(self) -> "Call | None":
        return CURRENT.get() or self.serial

    def write(self, level: int, text: str) -> None:
        """Take text as it was printed; whole lines leave."""
        call = self.call()
        key = (call.number if call is not None else 0, level)
        text = self.partial.pop(key, "") + text
        *lines, rest = text.split("\n", _LINES_MAX)
        if len(rest) >= LINE_BYTES_MAX:
            lines.append(rest)
            rest = ""
        if rest:
            self.partial[key] = rest
        if lines:
            self.send(level, lines, call)

    def send(self, level: int, lines: list[str], call: "Call | None", fields: bytes = b"") -> None:
        """Send whole lines, as many as the ceilings allow; ``fields`` go with the first."""
        frames = self.framed(level, lines, call, fields)
        if frames and self.link is not None:
            self.link.send(self.take_held() + frames)

    def take_held(self) -> bytes:
        """Give what waits for more."""
        held, self.held = self.held, b""
        return held

    def framed(
        self, level: int, lines: list[str], call: "Call | None", fields: bytes = b""
    ) -> bytes:
        """Give what ``send`` would send: for who has more to send, and wakes the host but once."""
        number = call.number if call is not None else 0
        frames: list[bytes] = []
        for line in lines:
            data = line.encode("utf-8", "backslashreplace")
            if len(data) > LINE_BYTES_MAX:
                data = data[: LINE_BYTES_MAX - 3].decode("utf-8", "ignore").encode() + b"..."
            if not self._allowed(call, len(data) + len(fields) + 1):
                break
            if fields:
                size = len(data).to_bytes(4, "little")
                said = b"".join((level.to_bytes(1, "little"), size, data, fields))
                frames.append(pack(Kind.SAID, number, said))
                fields = b""
                continue
            frames.append(pack(Kind.LOG, number, level.to_bytes(1, "little") + data))
        return b"".join(frames)

    def finish(self, call: "Call") -> None:
        """The call's last word is about to be said: its unfinished lines leave first."""
        for key in [key for key in self.partial if key[0] == call.number]:
            self.send(key[1], [self.partial.pop(key)], call)

    def _allowed(self, call: "Call | None", size: int) -> bool:
        if call is None:
            return True  # The host counts what belongs to no call.
        before = call.logged_bytes
        call.logged_bytes += size
        if call.logged_bytes <= CALL_BYTES_MAX:
            return True
        if before <= CALL_BYTES_MAX and self.link is not None:
            told = f"more than {CALL_BYTES_MAX >> 20} MiB of log in one call: the rest is dropped"
            payload = bytes([Level.WARNING]) + told.encode()
            self.link.send(pack(Kind.LOG, call.number, payload))
        return False


class Output(io.TextIOBase):
    """Stands in for ``sys.stdout`` or ``sys.stderr``."""

    def __init__(self, sink: Sink, level: int, original: TextIO) -> None:
        self._sink, self._level, self._original = sink, level, original
        self.buffer = _Bytes(self)

    encoding = "utf-8"
    errors = "backslashreplace"

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._sink.link is None:
            self._original.write(text)
        elif text:
            self._sink.write(self._level, text)
        return len(text)

    def flush(self) -> None:
        if self._sink.link is None:
            self._original.flush()

    def fileno(self) -> int:
        return self._original.fileno()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False


class _Bytes(io.RawIOBase):
    """``sys.stdout.buffer``, for those who write bytes."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, data: object) -> int:
        raw = bytes(memoryview(data))  # type: ignore[arg-type]
        self._output.write(raw.decode("utf-8", "backslashreplace"))
        return len(raw)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._output.fileno()


class Handler(logging.Handler):
    """Takes what is logged, with its level."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink
        self.setFormatter(_Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if self._sink.link is None:
            sys.stderr.write(self.format(record) + "\n")
            return
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        lines, fields = text.split("\n")[:_LINES_MAX], b""
        if len(record.__dict__) > PLAIN_MAX:
            from tapwater.runtime.fields import fields_of

            fields = fields_of(record)
        self._sink.send(_level(record.levelno), lines, self._sink.call(), fields)


class _Formatter(logging.Formatter):
    """Names the logger, unless it is ours: ``tapwater.log`` is everybody's."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        own = record.name == "tapwater.log"
        return record.message if own else super().formatMessage(record)


def _level(number: int) -> int:
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARNING
    return Level.INFO if number >= logging.INFO else Level.DEBUG


SINK = Sink()


def install(*, root: bool = True) -> None:
    """Stand in for the standard streams and the root logger's missing handler. Once."""
    if isinstance(sys.stdout, Output):
        return
    sys.stdout = Output(SINK, Level.INFO | _PRINT, sys.stdout)
    sys.stderr = Output(SINK, Level.WARNING | _STDERR, sys.stderr)
    top = logging.getLogger()
    if root and not top.handlers:
        top.addHandler(Handler(SINK))
        top.setLevel(logging.INFO)


def connect(link: "Link") -> None:
    """From now on lines go to the platform."""
    SINK.link = link
