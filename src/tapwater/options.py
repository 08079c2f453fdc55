"""A function's settings, next to its code: ``options(memory="256MB", timeout="30s")``."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

NAMES: Mapping[str, str] = {
    "after_fork_import": "import the module in each instance instead of once",
    "at_once": "deliveries of one key at a time; without key=, of the whole function",
    "auth": 'who may call: None (anyone), "user", "role:admin" (a user with it), "token"',
    "body_max": 'the largest request body, "64MB"',
    "concurrency": "calls at a time in one instance",
    "cors": "which other sites' pages may call",
    "cost_header": "answers say what they cost: Tapwater-Cost and Tapwater-Usage",
    "cpu": "cores",
    "debounce": "wait until it has been quiet so long, and tell the last event",
    "delay": 'tell it so much later, "10s"',
    "description": "a sentence for the lists",
    "egress": 'hosts it may reach, ["api.stripe.com:443"]; "all": any',
    "environment": "variables, {name: value}",
    "freeze": "stop the process between calls",
    "idempotent": "a request that comes again with its Idempotency-Key is answered as before",
    "instances": "how many at least and at most, (0, 20)",
    "key": 'what orders and limits deliveries: "{subject}", "data.user_id"',
    "max_age": 'older deliveries are not begun any more, "6h"',
    "memory": 'the most memory, "256MB"',
    "on_failure": "where a dead letter is told: queue:…, function:… or topic:…",
    "on_success": "where a good end is told",
    "pids": "the most processes and threads",
    "priority": "-100 to 100, higher first",
    "queue": "how many calls may wait for a free instance",
    "queue_timeout": 'how long they may wait, "30s"',
    "rate": 'calls let in, "100/s"; deliveries also "5/s per key"',
    "record": 'which calls are recorded to be replayed: a share such as 0.1, "errors", "none"',
    "retries": 'how often a failed delivery is tried again, or the waits before: ["1s", "1m"]',
    "schedule": "when it runs by itself, as cron says it",
    "secrets": "names of the app's secrets it may read",
    "timeout": 'how long a call may take, "30s"; None: no limit',
    "tmp": 'the size of /tmp, "512MB"',
}

_given: dict[str, Any] = {}


class Options:
    """What ``options(...)`` gives back: nothing to use, unless it decorates a function."""

    def __call__(self, function: _Function) -> _Function:
        return function


def options(**values: Any) -> Options:
    """Set the function's settings: at the top of the file, or as a decorator.

    Raises:
        TypeError: there is no setting of that name.
    """
    for name in values:
        if name not in NAMES:
            raise TypeError(_unknown(name))
    _given.update(values)
    return Options()


def given() -> dict[str, Any]:
    """What was set since the last ``forget()``."""
    return dict(_given)


def forget() -> None:
    """Start anew: another module is about to be imported."""
    _given.clear()


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, NAMES, n=1)
    hint = f"did you mean {near[0]}=?" if near else "there are: " + ", ".join(NAMES)
    return f"options() has no setting {name}; {hint}"
