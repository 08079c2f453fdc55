"""The call that a runtime of its own works on: its event, its answer, what its log says."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater.clouds.aws.faults import Fault, Told, tell, too_large
from tapwater.clouds.aws.forked import FAILED, read_asked
from tapwater.clouds.aws.python import ANSWER_BYTES_MAX
from tapwater.clouds.aws.said import Lines
from tapwater.runtime import streams
from tapwater.runtime.answers import Whole
from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.failing import pack_fail
from tapwater.runtime.logs import SINK
from tapwater.runtime.serving import send_whole
from tapwater.runtime.wire import WINDOW_BYTES, Level, pack_coming, pack_headers

COMING_S_MAX = 10.0  # As the platform has it: beyond it the call's time runs.
QUEUED_BYTES_MAX = 256 << 10  # of a stream, before its connection is read no further


class CurrentCall:
    """One call, from its INVOKE to its end."""

    def __init__(self, call: Call, foreign: Mapping[str, Any], lines: Lines) -> None:
        self.call = call
        self.asked, version = read_asked(call, arn=str(foreign.get("arn", "")))
        self.body = b""
        self.delivered = False  # the runtime has it
        self.stream: Stream | None = None  # of the answer, once that has begun
        self.over = False
        self._lines = lines
        self._began = time.perf_counter()
        self.say(Level.INFO, lines.start(self.asked.request, version))

    def say(self, level: int, line: str) -> None:
        """Write a line of the platform's own into its log."""
        if line:
            SINK.send(level, [line], self.call)

    def comes_up(self) -> None:
        """The runtime cannot take it yet: the platform hears that its time does not run."""
        self.call.link.send(pack_coming(self.call.number, None))

    def came_up(self) -> None:
        """The runtime has come up: the call's time begins."""
        if self.over or self.call.ended:
            return
        now = time.perf_counter()
        took_s = min(now - self._began, COMING_S_MAX)
        self._began = now
        self.asked = replace(self.asked, deadline_ms=self.asked.deadline_ms + int(took_s * 1000))
        if self.call.deadline is not None:
            self.call.deadline += took_s
        self.call.link.send(pack_coming(self.call.number, int(took_s * 1000)))

    def event_headers(self) -> dict[str, str]:
        """What is said of it beside the event."""
        asked = self.asked
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": asked.request,
            "Lambda-Runtime-Deadline-Ms": str(asked.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": asked.arn,
            "Lambda-Runtime-Trace-Id": asked.trace,
            "Lambda-Runtime-Client-Context": _ascii(asked.context),
            "Lambda-Runtime-Cognito-Identity": _ascii(asked.identity),
            "Lambda-Runtime-Aws-Tenant-Id": asked.tenant or "",
        }
        return {name: value for name, value in headers.items() if value}

    # How it may end: with one of these.

    def answer(self, payload: bytes, kind: str, peak_bytes: int) -> None:
        """The runtime has answered."""
        if len(payload) > ANSWER_BYTES_MAX:
            self.fail(too_large(len(payload), ANSWER_BYTES_MAX), peak_bytes)
            return
        headers = pack_headers([(b"content-type", kind.encode("latin-1", "replace"))])
        self._end(peak_bytes, "success")
        self._send(Whole(200, headers, payload))

    def fail(self, fault: Fault, peak_bytes: int) -> None:
        """The runtime has ended, or cannot be started."""
        told = tell(fault, request=self.asked.request)
        if not fault.kind.startswith("Function."):
            told["errorMessage"] = f"RequestId: {self.asked.request} Error: {fault.message}"
            del told["stackTrace"], told["requestId"]
        self.fail_as(json.dumps(told).encode(), told, peak_bytes)

    def fail_as(self, payload: bytes, told: Told, peak_bytes: int) -> None:
        """The function has failed, and says how by itself."""
        self._end(peak_bytes, "error")
        if self.stream is not None:
            self.over = True
            self.stream.cut(f"{told.get('errorType', '')}: {told.get('errorMessage', '')}")
        else:
            self._send(Whole(500, FAILED, payload))

    def _send(self, answer: Whole) -> None:
        self.over = True
        if len(answer.body) <= WINDOW_BYTES:
            send_whole(self.call, answer)
            self.finished()
        else:
            stream = Stream(self, [], packed=answer)
            stream.push(answer.body)
            stream.close()

    def break_off(self, message: str) -> None:
        """It has said something already: what came is cut off, and the caller hears of it."""
        self.over = True
        if not self.call.ended:
            self.call.ended = True
            self.call.link.send(
                pack_fail(self.call.number, "user_error", message, error=message.partition(":")[0])
            )
        self.finished()

    def _end(self, peak_bytes: int, status: str) -> None:
        SINK.finish(self.call)
        took_ms = (time.perf_counter() - self._began) * 1000
        for line in self._lines.end(self.asked.request, took_ms, peak_bytes, status=status):
            self.say(Level.INFO, line)

    def ended_stream(self, peak_bytes: int, status: str) -> None:
        """All of a stream has come."""
        self.over = True
        self._end(peak_bytes, status)

    def finished(self) -> None:
        """Its last word has been said."""
        link: Any = self.call.link
        link.finished(self.call)


class Stream:
    """An answer in pieces: takes what the runtime writes, as fast as the caller reads."""

    def __init__(
        self, current: CurrentCall, headers: list[tuple[bytes, bytes]], packed: Whole | None = None
    ) -> None:
        current.stream = self
        self._current, self._call = current, current.call
        self._pieces: deque[bytes] = deque()
        self._queued_bytes = 0
        self._closed = False
        self._unread = False  # whoever asked has gone
        self._broken: str | None = None
        self._changed = asyncio.Event()
        self.room = asyncio.Event()
        self.room.set()
        if packed is None:
            streams.begin(self._call, 200, headers)
        else:
            streams.begin_packed(self._call, packed.status, packed.headers)
        self._task = asyncio.get_running_loop().create_task(self._run())

    def push(self, data: bytes) -> None:
        """Take a piece. When ``room`` is clear then, wait for it before the next one."""
        if self._unread:
            return
        self._pieces.append(data)
        self._queued_bytes += len(data)
        if self._queued_bytes > QUEUED_BYTES_MAX:
            self.room.clear()
        self._changed.set()

    def close(self) -> None:
        """That was all."""
        self._closed = True
        self._changed.set()

    def cut(self, message: str) -> None:
        """Nothing more comes, and that is an error: told after what came."""
        if self._broken is None:
            self._broken = message
        self.close()

    async def _run(self) -> None:
        try:
            while self._pieces or not self._closed:
                if not self._pieces:
                    self._changed.clear()
                    await self._changed.wait()
                    continue
                piece = self._pieces.popleft()
                await streams.write_async(self._call, piece)
                self._queued_bytes -= len(piece)
                self.room.set()
            if self._broken is not None:
                self._current.break_off(self._broken)
                return
            streams.finish(self._call)
            self._current.finished()
        except CallerGone as gone:
            await self._wait_closed()
            if not self._call.ended:
                self._call.ended = True
                self._call.link.send(pack_fail(self._call.number, "cancelled", str(gone)))
            self._current.finished()

    async def _wait_closed(self) -> None:
        """Nobody reads any more: pass over what still comes. The runtime takes no other call before
        it is done with this one; the platform ends it if that takes long.
        """
        self._unread = True
        self._pieces.clear()
        self.room.set()
        while not self._closed:
            self._changed.clear()
            await self._changed.wait()


def _ascii(text: str) -> str:
    """JSON in a header: characters beyond ASCII as JSON escapes them."""
    if not text or text.isascii():
        return text
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text
