"""Bytes by the hash of what they are: bundles and dependency layers.

FLD-1  put() of a folder is atomic: a name is there whole or not at all, also after kill -9.
FLD-2  What is stored is named by its content; putting it twice is one copy.
FLD-3  sweep() removes what nobody holds and half-written leftovers, and nothing else.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol


class Folders(Protocol):
    """Content-addressed read-only folders on this machine."""

    def path(self, kind: str, digest: str) -> Path | None: ...

    async def put(self, kind: str, digest: str, fill: Callable[[Path], None]) -> Path:
        """Make the folder if it is not there: ``fill`` writes into a temporary one (in a thread),
        then it is synced and renamed into place."""
        ...

    async def sweep(self, kind: str, *, held: Collection[str]) -> int: ...
