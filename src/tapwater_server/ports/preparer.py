"""Warm parents, asked for before a revision exists.

PRE-1  prepare() runs the module in confinement and gives its manifest, or raises StartFailed.
PRE-2  adopt() makes prepared zygotes those of a revision; discard() ends them. One of the two
       must follow each prepare().
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tapwater_server.model.function import Function, Revision
from tapwater_server.ports.sandbox import Image


class Prepared(Protocol):
    """A zygote that belongs to no revision yet."""

    @property
    def manifest(self) -> Mapping[str, Any]: ...

    @property
    def warnings(self) -> tuple[str, ...]: ...


class Preparer(Protocol):
    """Control's view of the zygotes."""

    async def prepare(self, image: Image) -> Prepared: ...

    def adopt(self, revision: Revision, function: Function, prepared: Prepared) -> None: ...

    async def discard(self, prepared: Sequence[Prepared]) -> None: ...

    async def forget(self, revision: Revision) -> None:
        """The revision is gone: end its zygotes and, when idle, its instances."""
        ...
