"""Whose a thread's words are: the call's that started it, or that gave it its work.

A thread begins without the context of who started it, and a pool's threads outlive the call that
made them. Neither is patched before a module is loaded in the platform: tests see Python's own.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tapwater.runtime.logs import CURRENT, SINK

if TYPE_CHECKING:
    from concurrent.futures import Future

# Their threads work for whoever comes: they belong to nobody.
_POOLS = ("concurrent.futures.thread", "multiprocessing.pool")

_start = threading.Thread.start


def inherit() -> None:
    """From now on a thread belongs to the call that starts it, also when that is over."""
    threading.Thread.start = _start_for_call  # type: ignore[method-assign]


def inherit_work() -> None:
    """From now on what is given to a pool of threads belongs to the call that gives it."""
    from concurrent.futures import ThreadPoolExecutor

    submit = ThreadPoolExecutor.submit
    if submit.__module__ == __name__:
        return

    def submit_for_call(
        self: Any, fn: Callable[..., Any], /, *args: Any, **named: Any
    ) -> "Future[Any]":
        call = CURRENT.get()
        return submit(self, fn if call is None else _for_call(call, fn), *args, **named)

    ThreadPoolExecutor.submit = submit_for_call  # type: ignore[method-assign]


def _start_for_call(self: threading.Thread) -> None:
    call = SINK.call()
    target = getattr(self, "_target", None)
    if call is not None and getattr(target, "__module__", "") not in _POOLS:
        self.run = _for_call(call, self.run)  # type: ignore[method-assign]
    _start(self)


def _for_call(call: Any, fn: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **named: Any) -> Any:
        before = CURRENT.set(call)
        try:
            return fn(*args, **named)
        finally:
            CURRENT.reset(before)

    return run
