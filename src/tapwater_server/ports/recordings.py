"""Keep recordings of calls: few, for a while, within a size.

RCD-1  What put() was given is found by its id; putting an id again replaces it.
RCD-2  find() lists newest first, of one app or function, and pages by ``before``.
RCD-3  sweep() removes what is older than asked, then the oldest until all fit ``bytes_max``, and
       of each function the oldest beyond ``each_max``.
RCD-4  erase() removes all of an app, and nothing else.
RCD-5  What is kept on disk is readable after a new start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.ids import AppId
from tapwater_server.model.recording import Glance, Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which recordings to list."""

    app: AppId | None = None
    function: str | None = None
    before: str | None = None  # only those older than this id
    count_max: int = 50


class Recordings(Protocol):
    """Where recordings are kept."""

    async def put(self, recordings: Sequence[Recording]) -> None: ...

    async def get(self, id: str) -> Recording | None: ...

    async def find(self, wanted: Wanted) -> Sequence[Glance]: ...

    async def sweep(self, *, older_than: float, bytes_max: int, each_max: int) -> int:
        """Remove what is too old (made before ``older_than``) or too much; say how many went."""
        ...

    async def erase(self, app: AppId) -> None: ...
