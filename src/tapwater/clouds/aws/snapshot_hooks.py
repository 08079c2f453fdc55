"""Stands in for the package ``snapshot_restore_py``, which Lambda's runtime for Python has."""

from collections.abc import Callable
from typing import Any

Hook = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

_before_snapshot: list[Hook] = []
_after_restore: list[Hook] = []


def register_before_snapshot(
    func: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Callable[..., Any]:
    """Have a function run before the snapshot is taken; to be written as a decorator, too."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(
    func: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Callable[..., Any]:
    """Have a function run in each instance made of the snapshot."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot() -> list[Hook]:
    """Give what was registered."""
    return _before_snapshot


def get_after_restore() -> list[Hook]:
    """Give what was registered."""
    return _after_restore
