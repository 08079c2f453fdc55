"""Running a handler of Python as Lambda's runtime does: from the event's bytes to the answer's."""

import builtins
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from tapwater.clouds.aws import handler, snapshots
from tapwater.clouds.aws.context import LambdaContext, read_header
from tapwater.clouds.aws.environment import RUNTIME, python_folders
from tapwater.clouds.aws.faults import Fault, Told, exit_fault, tell, too_large
from tapwater.clouds.aws.marshalling import Marshaller, read_event
from tapwater.clouds.aws.said import Now
from tapwater.clouds.aws.streaming import Pieces

ANSWER_BYTES_MAX = 6_291_556  # 6 MiB and a hundred bytes, as Lambda counts them


@dataclass(slots=True, kw_only=True)
class Asked:
    """One call, as the platform or the Runtime API says it. ``context``, ``identity``: JSON."""

    request: str
    deadline_ms: int
    arn: str
    trace: str = ""
    context: str = ""
    identity: str = ""
    tenant: str | None = None


@dataclass(slots=True, kw_only=True)
class Answered:
    """What became of it: a payload, and what went wrong if it tells of an error."""

    payload: bytes
    plain: bool = False  # bytes of the handler's own, no JSON
    told: Told | None = None
    pieces: Pieces | None = None  # in place of a payload


class PythonHandler:
    """A handler, or why there is none."""

    def __init__(self, foreign: Mapping[str, Any], *, streams: bool = False) -> None:
        self._streams = streams  # it may answer in pieces
        self._name = str(foreign.get("handler", ""))
        self._snap = foreign.get("init") == "snap-start"
        self._marshaller = Marshaller(str(foreign.get("runtime", "")))
        self._handler: handler.Handler | None = None
        self._fault: Told | None = None
        self.init_ms = 0.0

    def load(self) -> None:
        """Import; a failure is kept for the calls to come."""
        began = time.perf_counter()
        self._try()
        if self._handler is not None and self._snap:
            self._run_hooks("BeforeSnapshotError", snapshots.run_before)
        self.init_ms = (time.perf_counter() - began) * 1000

    def restore(self) -> None:
        """Be an instance: told after the fork."""
        if self._handler is not None and self._snap:
            self._run_hooks("AfterRestoreError", snapshots.run_after)

    @property
    def fault(self) -> Told | None:
        """What was wrong with it so far."""
        return self._fault

    def retry(self) -> None:
        """Try again what failed, as a new process of Lambda's would."""
        if self._handler is None:
            self._try()

    def answer(self, body: bytes, asked: Asked) -> Answered:
        """Run the handler. That it wants to end the process is let through (SystemExit)."""
        Now.request, Now.tenant = asked.request, asked.tenant
        _set_trace(asked.trace)
        try:
            if self._fault is None:
                return self._run(body, asked)
            told = {**self._fault, "requestId": asked.request}
        except Exception as error:
            told = tell(error, request=asked.request)
        return Answered(payload=self._marshaller.write(told), told=told)

    def _run(self, body: bytes, asked: Asked) -> Answered:
        assert self._handler is not None
        context = LambdaContext(
            invoke_id=asked.request,
            client_context=read_header(asked.context, "Client Context"),
            cognito_identity=read_header(asked.identity, "Cognito Identity"),
            epoch_deadline_time_in_ms=asked.deadline_ms,
            invoked_function_arn=asked.arn,
            tenant_id=asked.tenant,
        )
        result = self._handler(read_event(body), context)
        if self._streams and isinstance(result, Generator):
            return Answered(payload=b"", pieces=Pieces(result))
        payload = self._marshaller.write(result)
        if len(payload) > ANSWER_BYTES_MAX:
            raise too_large(len(payload), ANSWER_BYTES_MAX)
        return Answered(payload=payload, plain=isinstance(result, bytes))

    def _try(self) -> None:
        self._fault = None
        try:
            self._handler = handler.find(self._name)
        except SystemExit as error:
            self._fault = tell(exit_fault(error.code))
        except Exception as error:
            self._fault = tell(error)

    def _run_hooks(self, kind: str, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:
            said = tell(error)
            message = f"{said['errorType']}: {said['errorMessage']}"
            self._fault = tell(Fault(kind, message, said["stackTrace"]))


def provide_builtins() -> None:
    """Give what a Python that is started as usual has: ``exit()`` and ``quit()``."""
    for name in ("exit", "quit"):
        if not hasattr(builtins, name):
            setattr(builtins, name, sys.exit)


def _set_trace(trace: str) -> None:
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def extend_path(*, task: str, layer: str) -> None:
    """Let the function's modules be found where Lambda's are."""
    folders = python_folders(sys.version_info[:2], task=task, layer=layer)
    # A Python that is started as usual has read this; ours was started before it was said.
    said = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders[1:1] = [one for one in said if one and one != RUNTIME]
    sys.path[:0] = [one for one in dict.fromkeys(folders) if one not in sys.path]
    if os.path.isdir(RUNTIME) and RUNTIME not in sys.path:
        sys.path.append(RUNTIME)
