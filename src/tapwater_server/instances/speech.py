"""What a guest says, in LOG frames or plainly on its output, as log lines under ceilings."""

import asyncio
from collections.abc import Callable
from typing import Any

from tapwater.runtime.wire import Level, WireError
from tapwater_server.instances.call import CallInProgress
from tapwater_server.instances.flood import Bucket
from tapwater_server.model.ids import FunctionId, InstanceId
from tapwater_server.model.invocation import Ending
from tapwater_server.model.limits import LOG_BYTES_PER_CALL_MAX, LOG_LINE_BYTES_MAX
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import LogLine

Logs = Callable[[LogLine], None]

FLOOD_BYTES = 16 << 20  # said at once beyond which an instance is killed
FLOOD_BYTES_PER_S = 4 << 20
_LINE_COST = 64  # An empty line is not free.
_LEVELS = {
    Level.DEBUG: "debug",
    Level.INFO: "info",
    Level.WARNING: "warning",
    Level.ERROR: "error",
}


class Speech:
    """Turns what one instance says into lines; says itself what the platform has to say of it."""

    __slots__ = ("_bucket", "_clock", "_function", "_instance", "_logs", "_loose_bytes")

    def __init__(
        self, *, function: FunctionId, instance: InstanceId, clock: Clock, logs: Logs
    ) -> None:
        self._function, self._instance = function, instance
        self._clock, self._logs = clock, logs
        self._bucket = Bucket(burst=FLOOD_BYTES, per_s=FLOOD_BYTES_PER_S)
        self._loose_bytes = 0  # said outside any call since the last call

    def on_log(self, payload: bytes, call: CallInProgress | None) -> None:
        """One LOG frame.

        Raises:
            WireError: its level is none, or there is a flood of them.
        """
        level = _LEVELS.get(Level(payload[0])) if payload and 1 <= payload[0] <= 4 else None
        if level is None:
            raise WireError("a log line of no level")
        self._check_flood(len(payload))
        self._line(payload[1:], level, call)

    def mourn(self, call: CallInProgress, ending: Ending, message: str) -> None:
        """One sentence for a call that did not end well."""
        if ending is not Ending.CANCELLED and message:
            level = "error" if ending is Ending.USER_ERROR else "platform"
            self.say(message, call, level=level)

    def on_output(self, data: bytes, call: CallInProgress | None) -> None:
        """One line of plain output.

        Raises:
            WireError: there is a flood of them.
        """
        self._check_flood(len(data))
        self._line(data, "info", call)

    def say(self, text: str, call: CallInProgress | None, level: str = "platform") -> None:
        """A sentence of the platform's own, under no ceiling."""
        self._give(text, level, call)

    def _check_flood(self, size: int) -> None:
        if not self._bucket.pour(size + _LINE_COST, now=self._clock.monotonic()):
            raise WireError(f"a flood of log lines: more than {FLOOD_BYTES >> 20} MiB")

    def _line(self, data: bytes, level: str, call: CallInProgress | None) -> None:
        size = len(data) + _LINE_COST
        if call is None:
            self._loose_bytes += size
            said = self._loose_bytes
        else:
            self._loose_bytes = 0
            call.logged_bytes += size
            said = call.logged_bytes
        if said <= LOG_BYTES_PER_CALL_MAX:
            text = data[:LOG_LINE_BYTES_MAX].decode("utf-8", "replace")
            if len(data) > LOG_LINE_BYTES_MAX:
                text += f" … ({len(data)} bytes)"
            self._give(text, level, call)
        elif said - size <= LOG_BYTES_PER_CALL_MAX:
            limit = LOG_BYTES_PER_CALL_MAX >> 20
            self._give(f"more than {limit} MiB of log lines: the rest is dropped", "platform", call)

    def _give(self, text: str, level: str, call: CallInProgress | None) -> None:
        self._logs(
            LogLine(
                at=self._clock.now(),
                app=self._function.app,
                function=self._function.name,
                invocation="" if call is None else call.invocation.id,
                instance=self._instance,
                level=level,
                text=text,
            )
        )


class Output(asyncio.Protocol):
    """The plain output of a guest, cut into lines of at most ``LOG_LINE_BYTES_MAX``."""

    def __init__(self, line: Callable[[bytes], None]) -> None:
        self._line = line
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Give whole lines on; keep the rest, up to a ceiling."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        while len(self._rest) > LOG_LINE_BYTES_MAX:
            self._line(self._rest[:LOG_LINE_BYTES_MAX])
            self._rest = self._rest[LOG_LINE_BYTES_MAX:]

    def connection_lost(self, exc: Exception | None) -> None:
        """The last line may lack its end."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""


async def open_output(fd: int, line: Callable[[bytes], None]) -> None:
    """Read ``fd``, which becomes ours, line by line, until all who write to it are gone."""
    pipe: Any = open(fd, "rb", buffering=0)  # noqa: SIM115, ASYNC230  The transport closes it.
    await asyncio.get_running_loop().connect_read_pipe(lambda: Output(line), pipe)
