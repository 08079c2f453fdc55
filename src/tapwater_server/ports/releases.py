"""Making revisions of what was not deployed as a folder of ours: other clouds' functions.

RLS-1  release() prepares every function in confinement before the revision is written down; when it
       fails, nothing has changed.
RLS-2  The revision and the aliases that point at it appear in one durable step.
RLS-3  unpack() keeps a checked tree of files by its content; what no revision names is swept away.
RLS-4  drop() removes one revision with its zygotes; one that an alias points at is a Conflict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from tapwater_server.model.function import Alias, Function, Revision
from tapwater_server.model.ids import AppId, RevisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One revision to be made. ``function.id.app`` is the app; ``aliases`` are moved to it."""

    app: AppId
    functions: tuple[Function, ...]
    bundle: str  # digest of unpack(): the code
    layer: str = ""  # digest of unpack(): what lies beside the code
    python: str = ""  # "3.12", or an interpreter's path; "": the platform's own
    aliases: Sequence[str] = ("live",)
    settings: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


class Releases(Protocol):
    """See the promises above."""

    async def pythons(self) -> Sequence[str]:
        """Name the versions of Python there are ("3.12"), the platform's own first."""
        ...

    async def unpack(
        self, archives: Sequence[BinaryIO], *, beside: bool = False
    ) -> tuple[str, int]:
        """Unpack zip files over each other; give the digest, and the bytes unpacked.

        ``beside``: they become a ``Release.layer``, and not its bundle.

        Raises:
            Invalid, TooLarge: one of them is no zip, is hostile, or too large.
        """
        ...

    async def release(self, release: Release) -> Revision:
        """Make a revision.

        Raises:
            Conflict: what was unpacked has been swept away: unpack it again.
            DeployFailed: a function does not come up; ``problems`` say why.
        """
        ...

    async def point(self, alias: Alias) -> None: ...

    async def unpoint(self, app: AppId, name: str) -> None: ...

    async def drop(self, app: AppId, revision: RevisionId) -> None: ...

    async def remove(self, app: AppId) -> None:
        """Remove an app with everything that is kept of it."""
        ...
