"""A reactive function behind queues, topics, buckets, schedules and event buses of AWS."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tapwater.runtime import wire
from tapwater.testing.running import FunctionRaised
from tapwater_server.cli.aws.leaving.shim.program import Function, invoke_of
from tapwater_server.cli.aws.leaving.shim.telling import Told, batch, told

Handler = Callable[[Mapping[str, Any], Any], Any]


class Failed(Exception):
    """The function failed; AWS tries again, or gives up, as the template says."""


def reactive(
    file: str, name: str, *, patterns: Mapping[str, str] | None = None, batches: bool = False
) -> Handler:
    """Make Lambda's handler of a function's file. ``batches``: it takes several events at once."""
    function = Function(file, name)

    def handler(event: Mapping[str, Any], context: Any) -> Any:
        events = told(event, patterns or {})
        if batches:
            return _report(_run(function, batch(events), context), event)
        failed = [one for one in events if not _succeeds(function, one, context)]
        if _is_queue(event):
            return {"batchItemFailures": [{"itemIdentifier": one["id"]} for one in failed]}
        if failed:
            raise Failed(f"{len(failed)} of {len(events)} events failed")
        return None

    return handler


def _succeeds(function: Function, one: Told, context: Any) -> bool:
    try:
        status, _ = _run(function, one, context)
    except FunctionRaised as error:
        print(error)
        return False
    return status < 400


def _run(function: Function, one: Told, context: Any) -> tuple[int, Any]:
    body = json.dumps(one).encode()
    result = function.run(invoke_of(wire.Verb.EVENT, context, body=body))
    return result.status, _read(result.body)


def _read(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None  # A text: it says nothing of failures.


def _report(ended: tuple[int, Any], event: Mapping[str, Any]) -> Any:
    """Say which of a batch failed, in AWS' words."""
    status, said = ended
    failed = said.get("failed") if isinstance(said, Mapping) else None
    if status >= 400 and not failed:
        raise Failed(f"the batch failed with status {status}")
    if _is_queue(event):
        return {"batchItemFailures": [{"itemIdentifier": id} for id in failed or ()]}
    if failed:
        raise Failed(f"{len(failed)} events failed")
    return None


def _is_queue(event: Mapping[str, Any]) -> bool:
    records = event.get("Records") or [{}]
    return bool(records[0].get("eventSource") == "aws:sqs")
