"""What a guest says, in frames or plainly on its output, as log lines and steps under ceilings."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tapwater.runtime.wire import Kind, WireError
from tapwater_server.instances.call import CallInProgress
from tapwater_server.instances.flood import Bucket
from tapwater_server.instances.structured import (
    Fields,
    Said,
    read_fields,
    read_line,
    read_said,
    read_step,
)
from tapwater_server.model.function import Function
from tapwater_server.model.ids import FunctionId, InstanceId
from tapwater_server.model.invocation import Ending, Invocation
from tapwater_server.model.limits import LOG_BYTES_PER_CALL_MAX, LOG_LINE_BYTES_MAX
from tapwater_server.model.trace import span_of, trace_of
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import LogLine, Span
from tapwater_server.ports.tracing import Spans, take_span, unseen

Logs = Callable[[LogLine], None]

FLOOD_BYTES = 16 << 20  # said at once beyond which an instance is killed
FLOOD_BYTES_PER_S = 4 << 20
_LINE_COST = 64  # An empty line is not free.
_LEVELS = (None, "debug", "info", "warning", "error")
_STREAMS = ("log", "print", "stderr")
SPOKEN = frozenset({Kind.LOG, Kind.SAID, Kind.SPAN, Kind.STACKS})  # What is heard here.


class Speech:
    """Turns what one instance says into lines; says itself what the platform has to say of it."""

    __slots__ = (
        "_bucket",
        "_clock",
        "_explained",
        "_function",
        "_instance",
        "_logs",
        "_loose_bytes",
        "_opens",
        "_spans",
        "stacks",
        "verbatim",
    )

    def __init__(
        self,
        *,
        function: FunctionId,
        instance: InstanceId,
        clock: Clock,
        logs: Logs,
        spans: Spans = unseen,
        opens: bool = False,
    ) -> None:
        self._opens = opens  # the first line of each call is of its beginning, and comes later
        self.verbatim = False  # a line that is an object stays as it was said
        self._function, self._instance = function, instance
        self._clock, self._logs, self._spans = clock, logs, spans
        self._bucket = Bucket(burst=FLOOD_BYTES, per_s=FLOOD_BYTES_PER_S)
        self._loose_bytes = 0  # said outside any call since the last call
        self._explained = ("", "")  # the call whose traceback was said last, and that
        self.stacks: Callable[[bytes], None] | None = None  # who asked where its time goes

    def hear(self, kind: int, payload: bytes, call: CallInProgress | None) -> None:
        """A frame of one of the kinds ``SPOKEN``.

        Raises:
            WireError: it is not what it should be, nobody asked for it, or there is a flood of it.
        """
        if kind == Kind.STACKS:
            if self.stacks is None:
                raise WireError("stacks that nobody asked for")
            self.stacks(payload)
            return
        self._check_flood(len(payload))
        if kind == Kind.SPAN:
            self._step(payload, call)
        elif kind == Kind.SAID:
            text, fields = read_said(payload)
            self._line(text, *_kind_of(payload), call, read_fields(fields), size=len(payload))
        else:
            self._line(payload[1:], *_kind_of(payload), call)

    def hear_lines(self, lines: list[tuple[bytes, CallInProgress | None]]) -> None:
        """Log lines that were kept back, in their order; afterwards none is.

        Raises:
            WireError: as ``hear``.
        """
        for payload, call in lines:
            self.hear(Kind.LOG, payload, call)
        lines.clear()

    def explain(self, call: CallInProgress, trace: str) -> None:
        """A traceback of the function."""
        trace = trace.rstrip()
        self._explained = (call.invocation.id, trace)
        self.say(trace, call, level="error")

    def mourn(self, call: CallInProgress, ending: Ending, message: str) -> None:
        """One sentence for a call that did not end well, unless its traceback ends with it."""
        if self._opens and not call.logged_bytes:
            self._write(opening_of(call.invocation), "info", call, "log", at=self._began(call))
        (explained, trace), self._explained = self._explained, ("", "")
        if explained == call.invocation.id and trace.endswith(message):
            return
        if ending is not Ending.CANCELLED and message:
            level = "error" if ending is Ending.USER_ERROR else "platform"
            self.say(message, call, level=level)

    def on_output(self, data: bytes, calls: Mapping[int, CallInProgress]) -> None:
        """One line of plain output, of a process that the function started, say. Whose it is, is
        known while there is one call; of several it is the instance's.

        Raises:
            WireError: there is a flood of them.
        """
        self._check_flood(len(data))
        call = next(iter(calls.values())) if len(calls) == 1 else None
        self._line(data, "info", "output", call)

    def say(self, text: str, call: CallInProgress | None, level: str = "platform") -> None:
        """A sentence of the platform's own, under no ceiling."""
        self._give(Said(text=text), level, call, "platform")

    def _check_flood(self, size: int) -> None:
        if not self._bucket.pour(size + _LINE_COST, now=self._clock.monotonic()):
            raise WireError(f"a flood of log lines: more than {FLOOD_BYTES >> 20} MiB")

    def _line(
        self,
        data: bytes,
        level: str,
        stream: str,
        call: CallInProgress | None,
        fields: Fields | None = None,
        *,
        size: int = 0,
    ) -> None:
        size = (size or len(data)) + _LINE_COST
        at = 0.0
        if call is None:
            self._loose_bytes += size
            said = self._loose_bytes
        else:
            self._loose_bytes = 0
            if self._opens and not call.logged_bytes:
                at = self._began(call)
            call.logged_bytes += size
            said = call.logged_bytes
        if said <= LOG_BYTES_PER_CALL_MAX:
            text = data[:LOG_LINE_BYTES_MAX].decode("utf-8", "replace")
            if len(data) > LOG_LINE_BYTES_MAX:
                text += f" … ({len(data)} bytes)"
            plain = fields is None and data[:1] == b"{" and data.rstrip()[-1:] == b"}"
            read = read_line(text) if plain else None
            if read is not None and self.verbatim:
                read = replace(read, text=text)
            if read is None and not fields:
                self._write(text, level, call, stream, at=at)
            else:
                self._give(read or Said(text=text, fields=fields or {}), level, call, stream)
        elif said - size <= LOG_BYTES_PER_CALL_MAX:
            limit = LOG_BYTES_PER_CALL_MAX >> 20
            self.say(f"more than {limit} MiB of log lines: the rest is dropped", call)

    def _give(self, said: Said, level: str, call: CallInProgress | None, stream: str) -> None:
        self._write(said.text, said.level or level, call, stream, said.fields)

    def _write(
        self,
        text: str,
        level: str,
        call: CallInProgress | None,
        stream: str,
        fields: Mapping[str, object] | None = None,
        *,
        at: float = 0.0,
    ) -> None:
        line = LogLine(
            at=at or self._clock.now(),
            app=self._function.app,
            function=self._function.name,
            invocation="" if call is None else call.invocation.id,
            instance=self._instance,
            level=level,
            text=text,
            trace="" if call is None else trace_of(call.invocation.traceparent),
            stream=stream,
        )
        if fields:
            line.fields = dict(fields)
        self._logs(line)

    def _began(self, call: CallInProgress) -> float:
        """Say when the guest had a call."""
        return self._clock.now() - (self._clock.monotonic() - call.seated_at)

    def _step(self, payload: bytes, call: CallInProgress | None) -> None:
        """A step that the user's code named; it has just ended."""
        step = read_step(payload)
        if call is None:
            return  # Its call is over, or never was.
        invocation = call.invocation
        if isinstance(step, int):
            invocation.spans += step
        elif take_span(invocation):
            # A guest may say what it likes: nothing in a call takes longer than the call.
            took_s = min(step.took_ms / 1e3, self._clock.monotonic() - call.seated_at)
            self._spans(
                Span(
                    trace=trace_of(invocation.traceparent),
                    id=step.id,
                    parent=step.parent or span_of(invocation.traceparent),
                    name=step.name,
                    kind="user",
                    at=self._clock.now() - took_s,
                    took_ms=took_s * 1e3,
                    app=self._function.app,
                    function=self._function.name,
                    invocation=invocation.id,
                    ok=step.ok,
                    facts=dict(step.facts),
                )
            )


def opening_of(invocation: Invocation) -> str:
    """Write the first line of a call whose process did not come to it. Pure."""
    line = str(invocation.function.foreign.get("opening", ""))
    for name, value in invocation.headers:
        known = "{" + name.decode("latin-1") + "}"
        line = line.replace(known, value.decode("utf-8", "replace"))
    return line


def _kind_of(payload: bytes) -> tuple[str, str]:
    """Read the byte that says level and stream.

    Raises:
        WireError: it says neither.
    """
    level, stream = (payload[0] & 0x0F, payload[0] >> 4) if payload else (0, 0)
    named = _LEVELS[level] if level < len(_LEVELS) else None
    if named is None or stream >= len(_STREAMS):
        raise WireError("a log line of no level")
    return named, _STREAMS[stream]


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


def speech_of(
    function: Function, *, instance: InstanceId, clock: Clock, logs: Logs, spans: Spans
) -> Speech:
    """Give an instance of a function its speech."""
    return Speech(
        function=function.id,
        instance=instance,
        clock=clock,
        logs=logs,
        spans=spans,
        opens=bool(function.foreign.get("opening")),
    )
