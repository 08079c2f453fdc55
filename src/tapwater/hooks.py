"""Two moments in a function's life that a module may want to hear of.

``before_snapshot`` runs once, after the module was imported and before instances are forked from
it: warm a cache, load a model. ``after_fork`` runs in each new instance before its first call:
open a connection, start a thread.
"""

from collections.abc import Callable
from typing import TypeVar

Hooks = tuple[Callable[[], object], ...]
_Hook = TypeVar("_Hook", bound=Callable[[], object])

_before_snapshot: list[Callable[[], object]] = []
_after_fork: list[Callable[[], object]] = []


def before_snapshot(hook: _Hook) -> _Hook:
    """Mark a function of no arguments to run at the end of the import."""
    _before_snapshot.append(hook)
    return hook


def after_fork(hook: _Hook) -> _Hook:
    """Mark a function of no arguments to run in each new instance, before its first call."""
    _after_fork.append(hook)
    return hook


def registered() -> tuple[Hooks, Hooks]:
    """The hooks so far: those before the snapshot, those after the fork."""
    return tuple(_before_snapshot), tuple(_after_fork)


def forget() -> None:
    """Start anew: another module is about to be imported."""
    _before_snapshot.clear()
    _after_fork.clear()
