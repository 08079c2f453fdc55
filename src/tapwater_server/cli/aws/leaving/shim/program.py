"""Loads a function's file once, and runs it for each call, with its services on AWS."""

import json
import os
from collections.abc import Mapping
from typing import Any

from tapwater.runtime import wire
from tapwater.runtime.loading import load_here
from tapwater.runtime.program import Program
from tapwater.services.ambient import use
from tapwater.testing.running import Bench, Result, run_program
from tapwater_server.cli.aws.leaving.shim.services import OnAws

ROOT = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()
SECRET = "SECRET_"  # Secrets of the app are variables here: the template has a parameter for each.
_NO_TIME_LEFT_S = 0.1


class Function:
    """One function of the app."""

    def __init__(self, file: str, name: str) -> None:
        self.program: Program = load_here({"code": ROOT, "module": file, "function": name}).program
        self._services = OnAws()

    def run(self, invoke: wire.Invoke) -> Result:
        """Run one call to its end.

        Raises:
            FunctionRaised: the handler let an exception out.
        """
        secrets = {
            key[len(SECRET) :]: value for key, value in os.environ.items() if key.startswith(SECRET)
        }
        with use(self._services):
            return run_program(self.program, invoke, Bench({}, secrets))


def invoke_of(verb: wire.Verb, context: Any, **more: Any) -> wire.Invoke:
    """Make a call; ``more`` is what is not the same for all."""
    left_s = context.get_remaining_time_in_millis() / 1000 - _NO_TIME_LEFT_S
    given: dict[str, Any] = {
        "verb": verb,
        "more": False,
        "timeout_s": max(left_s, _NO_TIME_LEFT_S),
        "depth": 0,
        "id": str(context.aws_request_id).encode(),
        "method": b"POST",
        "path": b"/",
        "root_path": b"",
        "query": b"",
        "scheme": b"",
        "client": b"",
        "params": b"",
        "user": b"",
        "trace": b"",
        "headers": [],
        "body": b"",
    }
    return wire.Invoke(**{**given, **more})


def params_of(values: Mapping[str, str] | None) -> bytes:
    """Write the parameters of a path."""
    return json.dumps(dict(values)).encode() if values else b""
