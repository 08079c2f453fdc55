"""A function's options as properties of a Lambda function, and what is left of them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from tapwater_server.cli.aws.leaving.times import megabytes, seconds

_MEMORY_MB, _MEMORY_MB_MIN, _MEMORY_MB_MAX = 256, 128, 10_240
_TIMEOUT_S, _TIMEOUT_S_MAX = 30, 900
_TMP_MB, _TMP_MB_MAX = 512, 10_240
_RETRIES_MAX, _AGE_S_MIN, _AGE_S_MAX = 2, 60, 21_600
_API_S_MAX = 30
# What needs no counterpart, or has one that needs no saying.
_QUIET = {
    "description",
    "memory",
    "timeout",
    "environment",
    "tmp",
    "secrets",
    "retries",
    "max_age",
    "on_failure",
    "auth",
    "record",
    "pids",
    "cost_header",
    "after_fork_import",
    "freeze",
    "queue",
    "queue_timeout",
}
_LEFT = {
    "concurrency": "Lambda runs one call at a time in an instance",
    "instances": "say ReservedConcurrentExecutions where a function must not grow",
    "cpu": "it comes with the memory on Lambda",
    "egress": "a Lambda function reaches the whole internet",
    "rate": "throttle at the API, or put a WAF before it",
    "body_max": "6 MB is the most on Lambda",
    "cors": "an HTTP API has one setting for all: [cors] of tapwater.toml is taken over",
    "idempotent": "Powertools' idempotency does this on DynamoDB",
}


def properties(options: Mapping[str, Any], *, queue: bool) -> dict[str, Any]:
    """Give the properties that options come to. ``queue``: it is called by queues only."""
    memory = megabytes(options.get("memory"), _MEMORY_MB)
    found: dict[str, Any] = {
        "MemorySize": min(max(memory, _MEMORY_MB_MIN), _MEMORY_MB_MAX),
        "Timeout": timeout_s(options),
    }
    if options.get("description"):
        found["Description"] = str(options["description"])
    tmp = megabytes(options.get("tmp"), _TMP_MB)
    if tmp > _TMP_MB:
        found["EphemeralStorage"] = {"Size": min(tmp, _TMP_MB_MAX)}
    invoke = dict(_invoke(options))
    if invoke and not queue:
        found["EventInvokeConfig"] = invoke
    return found


def timeout_s(options: Mapping[str, Any]) -> int:
    """Say how long a call may take there."""
    said = options.get("timeout", _TIMEOUT_S)
    if said in (None, "none", 0):
        return _TIMEOUT_S_MAX
    return min(max(seconds(said, _TIMEOUT_S), 1), _TIMEOUT_S_MAX)


def retries(options: Mapping[str, Any], default: int) -> int:
    """Say how often a failed delivery is tried again."""
    said = options.get("retries", default)
    if isinstance(said, Mapping):
        said = said.get("count", default)
    return len(said) if isinstance(said, list | tuple) else int(said)


def _invoke(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "retries" in options:
        yield "MaximumRetryAttempts", min(retries(options, 2), _RETRIES_MAX)
    if "max_age" in options:
        age = seconds(options["max_age"], _AGE_S_MAX)
        yield "MaximumEventAgeInSeconds", min(max(age, _AGE_S_MIN), _AGE_S_MAX)


def left(options: Mapping[str, Any], *, restful: bool) -> Iterator[str]:
    """Say what of the options is not taken over."""
    for name in options:
        if name not in _QUIET:
            yield f"{name}: {_LEFT.get(name, 'has no counterpart on Lambda')}"
    said = options.get("timeout", _TIMEOUT_S)
    if said in (None, "none") or seconds(said, 0) > _TIMEOUT_S_MAX:
        yield f"timeout: {_TIMEOUT_S_MAX} s is the most on Lambda"
    elif restful and timeout_s(options) > _API_S_MAX:
        yield f"timeout: an HTTP API waits {_API_S_MAX} s"
    if not restful and retries(options, 0) > _RETRIES_MAX:
        yield f"retries: {_RETRIES_MAX} is the most of a call that nobody waits for"
    if options.get("on_failure"):
        yield "on_failure: say a DestinationConfig, or listen to the dead letter queue"
