"""What is deployed; hear when it changes.

REG-1  add_revision() is atomic and durable before it returns: all functions or nothing.
REG-2  A revision is never changed; a second add of the same id is a Conflict.
REG-3  set_alias() moves a name in one step; readers see the old or the new weights, never a mix.
REG-4  Watchers are told after a change is durable, in order, with the app's name.
REG-5  remove_app() removes its revisions, aliases, hosts, secrets and tokens in one step.
REG-6  Revision numbers of an app grow by one and are never used again.
REG-7  An app that lost everything but its name (killed in the middle of a deploy) serves as before.
REG-8  The name of a removed app is taken, also after a new start, until forget_app(): what its
       services keep must be gone before another app can have it.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from tapwater_server.model.errors import Conflict, NotFound
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId


class Registry(Protocol):
    """Revisions and the names that point at them. Reads answer from memory."""

    def apps(self) -> Sequence[AppId]: ...

    def revisions(self, app: AppId) -> Sequence[Revision]:
        """Newest first."""
        ...

    def revision(self, app: AppId, id: RevisionId) -> Revision | None: ...

    def aliases(self, app: AppId) -> Sequence[Alias]: ...

    def default_app(self) -> AppId | None:
        """The app on the bare host."""
        ...

    def watch(self, told: Callable[[AppId], None]) -> None: ...

    async def next_number(self, app: AppId) -> int: ...

    async def add_revision(self, revision: Revision, *, aliases: Sequence[Alias]) -> None: ...

    async def set_alias(self, alias: Alias) -> None: ...

    async def remove_alias(self, app: AppId, name: str) -> None: ...

    async def remove_revision(self, app: AppId, id: RevisionId) -> None: ...

    async def remove_app(self, app: AppId) -> None: ...

    def leaving(self) -> Sequence[AppId]:
        """Removed apps of which something may be left."""
        ...

    async def forget_app(self, app: AppId) -> None:
        """Nothing is left of it."""
        ...

    async def set_default_app(self, app: AppId | None) -> None: ...


def live_revision(registry: Registry, app: AppId, *, alias: str = "live") -> Revision | None:
    """Find the revision whose settings hold for the whole app: the one with most of the traffic."""
    for known in registry.aliases(app):
        if known.name == alias:
            id = max(known.weights, key=lambda one: known.weights[one])
            return registry.revision(app, id)
    return None


def check_arrived(app: AppId, leaving: Collection[AppId]) -> None:
    """Refuse a revision of an app that is being removed.

    Raises:
        Conflict: it is.
    """
    if app in leaving:
        raise Conflict(f"{app} is being removed: try again when that is done")


def check_weights(aliases: Sequence[Alias], held: Collection[RevisionId]) -> None:
    """Refuse an alias that points at a revision the app does not have.

    Raises:
        NotFound: it does.
    """
    for alias in aliases:
        for id in alias.weights:
            if id not in held:
                raise NotFound(f"{alias.app} has no revision {id} for the alias {alias.name!r}")


def check_unused(aliases: Sequence[Alias], id: RevisionId) -> None:
    """Refuse to remove what an alias points at.

    Raises:
        Conflict: one does.
    """
    names = [alias.name for alias in aliases if id in alias.weights]
    if names:
        raise Conflict(f"the alias {names[0]!r} points at this revision: move it first")
