"""Who asks for what: the paths of the Runtime API, the Extensions API, and what is refused."""

import json
import re
from collections.abc import Callable
from typing import Any

from tapwater.clouds.aws.api.calls import CurrentCall
from tapwater.clouds.aws.api.connection import Connection, Taker
from tapwater.clouds.aws.api.extending import Extensions
from tapwater.clouds.aws.api.http1 import Head
from tapwater.clouds.aws.api.takers import Done, Streamed, Whole, refusal
from tapwater.clouds.aws.faults import too_large
from tapwater.clouds.aws.python import ANSWER_BYTES_MAX

_CALL = re.compile(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)")
_RUNTIME, _EXTENSION = "/2018-06-01/runtime", "/2020-01-01/extension"
_ERROR_TYPE = "lambda-runtime-function-error-type"
_OK = b'{"status":"OK"}'
CONNECTIONS_MAX = 128  # A runtime has one or two, an extension as well.


class RuntimeDesk:
    """Answers the runtime and the extensions of one instance."""

    def __init__(
        self,
        *,
        extensions: Extensions,
        peak_bytes: Callable[[], int],
        before_end: Callable[[], None],
        ready: Callable[[], None],
    ) -> None:
        self._extensions = extensions
        self._peak_bytes, self._before_end, self._ready = peak_bytes, before_end, ready
        self._asking: Connection | None = None  # the runtime waits there for a call
        self._connections: set[Connection] = set()
        self.current: CurrentCall | None = None
        self.init_fault: dict[str, Any] | None = None
        self.asked_once = False
        self._routes: dict[tuple[str, str], Done] = {
            ("GET", f"{_RUNTIME}/invocation/next"): self._next,
            ("POST", f"{_RUNTIME}/init/error"): self._init_error,
            ("GET", f"{_RUNTIME}/restore/next"): self._restored,
            ("POST", f"{_RUNTIME}/restore/error"): self._init_error,
            ("POST", f"{_EXTENSION}/register"): extensions.register,
            ("GET", f"{_EXTENSION}/event/next"): extensions.next,
            ("POST", f"{_EXTENSION}/init/error"): extensions.give_up,
            ("POST", f"{_EXTENSION}/exit/error"): extensions.give_up,
            ("PUT", "/2022-07-01/telemetry"): _no_telemetry,
            ("PUT", "/2020-08-15/logs"): _no_telemetry,
        }

    def arrived(self, connection: Connection) -> bool:
        """A client is there; False: there are too many."""
        if len(self._connections) >= CONNECTIONS_MAX:
            return False
        self._connections.add(connection)
        return True

    def take(self, head: Head, connection: Connection) -> Taker:
        """Say who takes a request."""
        done = self._routes.get((head.method, head.path))
        if done is not None:
            return Whole(head, connection, done)
        about = _CALL.fullmatch(head.path)
        if about is None or head.method != "POST":
            return Whole(head, connection, _unknown)
        current = self.current
        if current is None or current.asked.request != about[1] or not current.delivered:
            return Whole(head, connection, _wrong_call)
        if current.stream is not None or current.over:
            return Whole(head, connection, _again)
        if about[2] == "error":
            return Whole(head, connection, self._error, self._too_much)
        if head.headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming":
            self._before_end()
            return Streamed(
                head, connection, current, ended=self._over, peak_bytes=self._peak_bytes
            )
        return Whole(head, connection, self._response, self._too_much)

    def left(self, connection: Connection) -> None:
        """A client has gone."""
        self._connections.discard(connection)
        if self._asking is connection:
            self._asking = None
        self._extensions.left(connection)

    def begin(self, current: CurrentCall) -> None:
        """A call is to be worked on; its event is here."""
        self.current = current
        self._extensions.told_of(current)
        self._offer()

    def _offer(self) -> None:
        current, asking = self.current, self._asking
        if current is None or asking is None or current.delivered:
            return
        self._asking = None
        current.delivered = True
        asking.answer(200, current.event_headers(), current.body)

    def _next(self, _: Head, body: bytes, connection: Connection) -> None:
        if not self.asked_once:
            self.asked_once = True
            self._ready()
        if self._owes_answer():
            text = "State transition is not allowed: a call waits for its answer"
            connection.answer(403, {}, refusal("InvalidStateTransition", text))
            return
        self._asking = connection
        self._offer()

    def _owes_answer(self) -> bool:
        """The runtime has a call, and has not begun to answer it."""
        current = self.current
        if current is None or not current.delivered:
            return False
        return not current.over and current.stream is None

    def _response(self, head: Head, body: bytes, connection: Connection) -> None:
        current = self._working(connection)
        if current is not None:
            self._before_end()
            kind = head.headers.get("content-type", "application/json")
            current.answer(body, kind, self._peak_bytes())
            connection.answer(202, {}, _OK)
            self._over(current)

    def _error(self, head: Head, body: bytes, connection: Connection) -> None:
        current = self._working(connection)
        if current is not None:
            told = _read_error(head, body)
            self._before_end()
            current.fail_as(body or json.dumps(told).encode(), told, self._peak_bytes())
            connection.answer(202, {}, _OK)
            self._over(current)

    def _too_much(self, size: int) -> None:
        """The answer was so large that nobody kept it: that is the call's end, too."""
        current = self.current
        if current is not None and not current.over:
            self._before_end()
            current.fail(too_large(size, ANSWER_BYTES_MAX), self._peak_bytes())
            self._over(current)

    def _working(self, connection: Connection) -> CurrentCall | None:
        current = self.current
        if current is None or current.over:
            _again(None, b"", connection)
            return None
        return current

    def _over(self, current: CurrentCall) -> None:
        if self.current is current:
            self.current = None

    def _init_error(self, head: Head, body: bytes, connection: Connection) -> None:
        self.init_fault = _read_error(head, body)
        connection.answer(202, {}, _OK)

    def _restored(self, _: Head, body: bytes, connection: Connection) -> None:
        # Each instance starts its own runtime: there is no snapshot to wait for.
        connection.answer(200, {})


def _read_error(head: Head, body: bytes) -> dict[str, Any]:
    """What an error says of itself; a client may say little."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        told = {"errorMessage": body.decode("utf-8", "replace")[:1000]}
    told.setdefault("errorType", head.headers.get(_ERROR_TYPE, "Runtime.Unknown"))
    told.setdefault("errorMessage", "")
    return told


def _no_telemetry(_: Head, body: bytes, connection: Connection) -> None:
    text = "There is no Telemetry API here: read the function's log from the platform"
    connection.answer(404, {}, refusal("Telemetry.NotSupported", text))


def _unknown(head: Head, body: bytes, connection: Connection) -> None:
    connection.answer(404, {}, refusal("NotFound", f"{head.method} {head.path} is nothing here"))


def _wrong_call(_: Head, body: bytes, connection: Connection) -> None:
    connection.answer(400, {}, refusal("InvalidRequestID", "Invalid request ID"))


def _again(_: Head | None, body: bytes, connection: Connection) -> None:
    text = "State transition is not allowed: the call has been answered"
    connection.answer(403, {}, refusal("InvalidStateTransition", text))
