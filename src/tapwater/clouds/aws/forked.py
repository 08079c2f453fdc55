"""The fast way for Python: the handler's module is imported once, calls run in forks of that."""

import os
import resource
import time
from collections.abc import Mapping
from typing import Any

from tapwater.clouds.aws.faults import Told, tell
from tapwater.clouds.aws.python import Asked, PythonHandler
from tapwater.clouds.aws.said import Lines
from tapwater.clouds.aws.streaming import Pieces
from tapwater.clouds.aws.times import epoch_ms
from tapwater.runtime import streams
from tapwater.runtime.answers import Whole
from tapwater.runtime.call import Call
from tapwater.runtime.failing import pack_fail
from tapwater.runtime.logs import SINK
from tapwater.runtime.serving import send_whole
from tapwater.runtime.wire import Level, pack_headers

_JSON = pack_headers([(b"content-type", b"application/json")])
_BYTES = pack_headers([(b"content-type", b"application/unknown")])
FAILED = pack_headers(
    [(b"content-type", b"application/json"), (b"lambda-function-error", b"Unhandled")]
)
_NO_DEADLINE_S = 86_400.0  # What a function without a limit is told.


class PythonFunction:
    """A Lambda function of Python, served call by call."""

    def __init__(self, foreign: Mapping[str, Any]) -> None:
        self._arn = str(foreign.get("arn", ""))
        self._handler = PythonHandler(foreign, streams=True)
        self._lines = Lines(foreign)
        self._pid = 0  # of the instance
        # The platform says it for a call that ends its process before anything is said.
        self._holds = bool(foreign.get("opening"))

    def load(self) -> None:
        """Import, in the zygote."""
        self._handler.load()
        self._lines.init_ms = self._handler.init_ms

    def restore(self) -> None:
        """Be an instance."""
        self._pid = os.getpid()
        self._handler.restore()

    def serve(self, _program: object, call: Call) -> None:
        """Answer one call: one RESULT ends it, or the end of the process."""
        asked, version = read_asked(call, arn=self._arn)
        began = time.perf_counter()
        self._open(call, self._lines.start(asked.request, version))
        try:
            body = streams.whole_body(call)
            self._handler.retry()
            answered = self._handler.answer(body, asked)
            told = answered.told
            if answered.pieces is not None:
                _send(call, SINK.take_held())
                told = _stream(call, answered.pieces)
        except BaseException:
            _send(call, self._last_words(call, asked.request, began, {}))
            raise
        last = self._last_words(call, asked.request, began, told)
        if answered.pieces is not None:
            _send(call, last)
            _end_stream(call, told)
            return
        headers = FAILED if told is not None else _BYTES if answered.plain else _JSON
        status = 200 if told is None else 500
        send_whole(call, Whole(status, headers, answered.payload), before=last)

    def _last_words(self, call: Call, request: str, began: float, told: Told | None) -> bytes:
        """Pack what is said of a call that is over; the lines it had not ended are sent."""
        if self._pid and os.getpid() != self._pid:
            os._exit(0)  # A copy that the handler forked and let return: the call is not its own.
        if SINK.partial:
            SINK.finish(call)
        took_ms = (time.perf_counter() - began) * 1000
        frames = SINK.framed(Level.ERROR, [self._lines.error(told)], call) if told else b""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        status = "success" if told is None else "error"
        lines = self._lines.end(request, took_ms, peak, status=status)
        return SINK.take_held() + frames + SINK.framed(Level.INFO, lines, call)

    def _open(self, call: Call, line: str) -> None:
        """Say what comes first, with whatever comes next: the host need not wake for it alone."""
        if not line:
            return
        if self._holds:
            SINK.held = SINK.framed(Level.INFO, [line], call)
        else:
            SINK.send(Level.INFO, [line], call)


def _stream(call: Call, pieces: Pieces) -> Told | None:
    """Send a stream; give what went wrong in the middle of it."""
    try:
        pieces.send(call)
    except Exception as error:
        return tell(error)
    finally:
        pieces.close()
    return None


def _end_stream(call: Call, told: Told | None) -> None:
    if told is None:
        streams.finish(call)
        return
    call.ended = True
    kind = told["errorType"]
    message = f"{kind}: {told['errorMessage']}"
    ending = "user_error" if call.cancelled is None else "cancelled"
    call.link.send(pack_fail(call.number, ending, message, error=kind))


def read_asked(call: Call, *, arn: str) -> tuple[Asked, str]:
    """Read what the platform says of a call; and the version it is of, if it says that."""
    said = {name: value.decode("utf-8", "replace") for name, value in call.invoke.headers}
    known = said.get
    asked = Asked(
        request=known(b"lambda-request-id") or call.invoke.text(0).decode(),
        deadline_ms=_deadline_ms(call),
        arn=known(b"lambda-arn") or arn,
        trace=known(b"lambda-trace", ""),
        context=known(b"lambda-client-context", ""),
        identity=known(b"lambda-cognito-identity", ""),
        tenant=known(b"lambda-tenant-id"),
    )
    return asked, known(b"lambda-version", "")


def _deadline_ms(call: Call) -> int:
    left_s = _NO_DEADLINE_S if call.deadline is None else call.deadline - time.monotonic()
    return epoch_ms() + int(left_s * 1000)


def _send(call: Call, frames: bytes) -> None:
    if frames:
        call.link.send(frames)
