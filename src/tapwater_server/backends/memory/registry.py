"""What is deployed, kept in memory: the reference for the other registries."""

from collections.abc import Sequence
from typing import Protocol

from tapwater_server.model.errors import Conflict, NotFound
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.registry import check_arrived, check_unused, check_weights
from tapwater_server.ports.registry_held import Held


class Follower(Protocol):
    """Something that belongs to an app and goes with it."""

    def forget(self, app: AppId) -> None: ...


class MemoryRegistry:
    """See the promises of ``ports/registry.py``."""

    def __init__(self, *, followers: Sequence[Follower] = ()) -> None:
        self._followers = tuple(followers)
        self._numbers: dict[AppId, int] = {}
        self._held = Held()
        self.apps, self.revisions = self._held.apps, self._held.revisions
        self.revision, self.aliases = self._held.revision, self._held.aliases
        self.default_app, self.leaving = self._held.default_app, self._held.leaving
        self.watch = self._held.watch

    async def next_number(self, app: AppId) -> int:
        self._numbers[app] = self._numbers.get(app, 0) + 1
        return self._numbers[app]

    async def add_revision(self, revision: Revision, *, aliases: Sequence[Alias]) -> None:
        check_arrived(revision.app, self.leaving())
        held = self.revisions(revision.app)
        known = any(self.revision(app, revision.id) for app in self.apps())
        if known or any(old.number == revision.number for old in held):
            raise Conflict(f"revision {revision.number} of {revision.app} is there already")
        check_weights(aliases, {revision.id, *(old.id for old in held)})
        self._held.add(revision)
        last = self._numbers.get(revision.app, 0)
        self._numbers[revision.app] = max(last, revision.number)
        self._held.put_aliases(aliases)
        self._held.tell(revision.app)

    async def set_alias(self, alias: Alias) -> None:
        check_weights([alias], {old.id for old in self.revisions(alias.app)})
        self._held.put_aliases([alias])
        self._held.tell(alias.app)

    async def remove_alias(self, app: AppId, name: str) -> None:
        if not self._held.remove_alias(app, name):
            raise NotFound(f"{app} has no alias {name!r}")
        self._held.tell(app)

    async def remove_revision(self, app: AppId, id: RevisionId) -> None:
        if self.revision(app, id) is None:
            raise NotFound(f"{app} has no such revision")
        check_unused(self.aliases(app), id)
        self._held.remove_revision(app, id)
        self._held.tell(app)

    async def remove_app(self, app: AppId) -> None:
        if not self.revisions(app):
            raise NotFound(f"there is no app {app}")
        self._held.remove_app(app)
        for follower in self._followers:
            follower.forget(app)
        self._held.tell(app)

    async def forget_app(self, app: AppId) -> None:
        self._held.forget_app(app)

    async def set_default_app(self, app: AppId | None) -> None:
        if app is not None and not self.revisions(app):
            raise NotFound(f"there is no app {app}")
        for changed in self._held.set_default_app(app):
            self._held.tell(changed)
