"""The hooks of SnapStart: what ``snapshot_restore_py`` was told to run, whoever shipped it."""

import importlib
import sys
from typing import Any

NAME = "snapshot_restore_py"


def provide() -> None:
    """Let ``import snapshot_restore_py`` find ours, where the function brings none of its own."""
    sys.meta_path.append(_Finder)


class _Finder:
    """The last to be asked."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> Any:
        """Find our own stand-in."""
        if name != NAME:
            return None
        from importlib.util import spec_from_file_location

        own = importlib.import_module("tapwater.clouds.aws.snapshot_hooks")
        return spec_from_file_location(name, own.__file__)


def run_before() -> None:
    """Run what was registered to run before the snapshot: the last one first."""
    for function, positional, named in _taken("get_before_snapshot", newest_first=True):
        function(*positional, **named)


def run_after() -> None:
    """Run what was registered to run after the restore, in the order of registration."""
    for function, positional, named in _taken("get_after_restore", newest_first=False):
        function(*positional, **named)


def _taken(name: str, *, newest_first: bool) -> list[Any]:
    module = sys.modules.get(NAME)
    if module is None:
        return []
    hooks = list(getattr(module, name)())
    return hooks[::-1] if newest_first else hooks
