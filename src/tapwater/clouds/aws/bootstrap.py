"""The runtime of Python as a process of its own: for functions that start it by a wrapper script.

Where ``AWS_LAMBDA_EXEC_WRAPPER`` is set the handler cannot be imported before the fork: the wrapper
may change the environment, or even the interpreter. It costs what it costs on Lambda.
"""

import http.client
import json
import os
import sys
from collections.abc import Mapping

from tapwater.clouds.aws import said, snapshots
from tapwater.clouds.aws.faults import Told
from tapwater.clouds.aws.python import Answered, Asked, PythonHandler, extend_path
from tapwater.clouds.aws.said import Lines

_PREFIX = "/2018-06-01/runtime"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"


class RuntimeApi:
    """The platform's side, over one connection that stays open."""

    def __init__(self, address: str) -> None:
        self._http = http.client.HTTPConnection(address)

    def next(self) -> tuple[bytes, Asked]:
        """Wait for a call."""
        headers, body = self._ask("GET", "/invocation/next")

        def say(name: str) -> str:
            return headers.get(f"Lambda-Runtime-{name}") or ""

        asked = Asked(
            request=say("Aws-Request-Id"),
            deadline_ms=int(say("Deadline-Ms")),
            arn=say("Invoked-Function-Arn"),
            trace=say("Trace-Id"),
            context=say("Client-Context"),
            identity=say("Cognito-Identity"),
            tenant=headers.get("Lambda-Runtime-Aws-Tenant-Id"),
        )
        return body, asked

    def answer(self, request: str, answered: Answered) -> None:
        """Say how it went."""
        if answered.told is None:
            kind = "application/unknown" if answered.plain else "application/json"
            path, headers = f"/invocation/{request}/response", {"Content-Type": kind}
        else:
            path = f"/invocation/{request}/error"
            headers = {_ERROR_TYPE: _plain(answered.told["errorType"])}
        self._ask("POST", path, answered.payload, headers)

    def give_up(self, told: Told, payload: bytes) -> None:
        """Say why there can be no calls."""
        self._ask("POST", "/init/error", payload, {_ERROR_TYPE: _plain(told["errorType"])})

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[http.client.HTTPMessage, bytes]:
        self._http.request(method, _PREFIX + path, body, dict(headers))
        response = self._http.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise ConnectionError(f"{method} {path}: {response.status} {answer[:200]!r}")
        return response.headers, answer


def _plain(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def main() -> None:
    """Import, then answer calls for ever."""
    known = os.environ
    foreign = {
        "handler": known.get("_HANDLER", ""),
        "runtime": known.get("AWS_EXECUTION_ENV", "").removeprefix("AWS_Lambda_"),
        "init": known.get("AWS_LAMBDA_INITIALIZATION_TYPE", ""),
        "log_format": known.get("AWS_LAMBDA_LOG_FORMAT", ""),
        "log_level": known.get("AWS_LAMBDA_LOG_LEVEL", ""),
    }
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    extend_path(task=known["LAMBDA_TASK_ROOT"], layer="/opt")
    snapshots.provide()
    said.install(foreign)
    api, lines = RuntimeApi(known["AWS_LAMBDA_RUNTIME_API"]), Lines(foreign)
    function = PythonHandler(foreign)
    function.load()
    function.restore()
    if function.fault is not None:
        print(lines.error(function.fault))
        api.give_up(function.fault, json.dumps(function.fault).encode())
        sys.exit(1)
    while True:
        body, asked = api.next()
        answered = function.answer(body, asked)
        if answered.told is not None:
            print(lines.error(answered.told))
        api.answer(asked.request, answered)


if __name__ == "__main__":
    main()
