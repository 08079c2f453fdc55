"""Values for a while: quick, bounded, and free to forget. Not the place for what must be kept.

CCH-1  What was put is given until it ends, is replaced, dropped, or has to leave; nothing else is
       ever given for its key. An ended value is not given.
CCH-2  Values of one app have a ceiling together; those used least lately leave first, and never
       because of what another app does below its own ceiling and that of all.
CCH-3  put() with ``if_version``, add_to() and drop() with ``if_version`` are one step each: of
       many at a time with one version, one succeeds.
CCH-4  Versions of a key rise, also after it was dropped, ended or forgotten in between.
CCH-5  It holds over a restart, also after kill -9: neither a value nor a drop comes undone. (A
       failure of the power may undo the last moments.)
CCH-6  clear() forgets one app's values and no other's.
"""

from collections.abc import Sequence
from typing import Protocol

from tapwater_server.model.ids import AppId
from tapwater_server.model.shelf import Kept, ShelfStats


class Cache(Protocol):
    """See the promises above. Reads answer from memory."""

    def get(self, app: AppId, key: str) -> Kept | None: ...

    async def put(
        self,
        app: AppId,
        key: str,
        value: bytes,
        *,
        json: bool,
        ttl_s: float | None,
        if_version: int | None = None,
    ) -> Kept:
        """Keep a value. ``if_version``: only over that version; 0: only where there is none.

        Raises:
            Conflict: there is another version.
            TooLarge: the value is.
        """
        ...

    async def add_to(self, app: AppId, key: str, by: float, *, ttl_s: float | None) -> Kept:
        """Add to a number; where there is none, 0 is. ``ttl_s`` None: it ends when it did.

        Raises:
            Conflict: what is there is no number.
        """
        ...

    async def touch(
        self, app: AppId, key: str, *, ttl_s: float | None, if_version: int | None = None
    ) -> Kept | None:
        """Move the end of a value; None: there is none.

        Raises:
            Conflict: there is another version.
        """
        ...

    async def drop(self, app: AppId, key: str, *, if_version: int | None = None) -> bool:
        """Forget a value; say whether there was one.

        Raises:
            Conflict: there is another version.
        """
        ...

    async def clear(self, app: AppId) -> int: ...

    def keys(
        self, app: AppId, *, prefix: str = "", after: str = "", count_max: int = 100
    ) -> Sequence[Kept]:
        """List what an app has, by key."""
        ...

    def stats(self, app: AppId) -> ShelfStats: ...

    async def sweep(self) -> None:
        """Forget what has ended."""
        ...
