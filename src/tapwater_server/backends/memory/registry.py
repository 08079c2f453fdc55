"""What is deployed, kept in memory: the reference for the other registries."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tapwater_server.model.errors import Conflict, NotFound
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.registry import check_arrived, check_unused, check_weights


class Follower(Protocol):
    """Something that belongs to an app and goes with it."""

    def forget(self, app: AppId) -> None: ...


class MemoryRegistry:
    """See the promises of ``ports/registry.py``."""

    def __init__(self, *, followers: Sequence[Follower] = ()) -> None:
        self._followers = tuple(followers)
        self._revisions: dict[AppId, dict[RevisionId, Revision]] = {}
        self._aliases: dict[AppId, dict[str, Alias]] = {}
        self._numbers: dict[AppId, int] = {}
        self._leaving: set[AppId] = set()
        self._default: AppId | None = None
        self._told: list[Callable[[AppId], None]] = []

    def apps(self) -> Sequence[AppId]:
        return sorted(self._revisions)

    def revisions(self, app: AppId) -> Sequence[Revision]:
        found = self._revisions.get(app, {}).values()
        return sorted(found, key=lambda revision: -revision.number)

    def revision(self, app: AppId, id: RevisionId) -> Revision | None:
        return self._revisions.get(app, {}).get(id)

    def aliases(self, app: AppId) -> Sequence[Alias]:
        return sorted(self._aliases.get(app, {}).values(), key=lambda alias: alias.name)

    def default_app(self) -> AppId | None:
        return self._default

    def watch(self, told: Callable[[AppId], None]) -> None:
        self._told.append(told)

    async def next_number(self, app: AppId) -> int:
        self._numbers[app] = self._numbers.get(app, 0) + 1
        return self._numbers[app]

    async def add_revision(self, revision: Revision, *, aliases: Sequence[Alias]) -> None:
        check_arrived(revision.app, self._leaving)
        held = self._revisions.get(revision.app, {})
        known = any(revision.id in of_app for of_app in self._revisions.values())
        if known or any(old.number == revision.number for old in held.values()):
            raise Conflict(f"revision {revision.number} of {revision.app} is there already")
        check_weights(aliases, {*held, revision.id})
        self._revisions.setdefault(revision.app, {})[revision.id] = revision
        last = self._numbers.get(revision.app, 0)
        self._numbers[revision.app] = max(last, revision.number)
        for alias in aliases:
            self._aliases.setdefault(alias.app, {})[alias.name] = alias
        self._tell(revision.app)

    async def set_alias(self, alias: Alias) -> None:
        check_weights([alias], self._revisions.get(alias.app, {}))
        self._aliases.setdefault(alias.app, {})[alias.name] = alias
        self._tell(alias.app)

    async def remove_alias(self, app: AppId, name: str) -> None:
        if self._aliases.get(app, {}).pop(name, None) is None:
            raise NotFound(f"{app} has no alias {name!r}")
        self._tell(app)

    async def remove_revision(self, app: AppId, id: RevisionId) -> None:
        if self.revision(app, id) is None:
            raise NotFound(f"{app} has no such revision")
        check_unused(self.aliases(app), id)
        del self._revisions[app][id]
        if not self._revisions[app]:
            del self._revisions[app]
        self._tell(app)

    async def remove_app(self, app: AppId) -> None:
        if self._revisions.pop(app, None) is None:
            raise NotFound(f"there is no app {app}")
        self._leaving.add(app)
        self._aliases.pop(app, None)
        if self._default == app:
            self._default = None
        for follower in self._followers:
            follower.forget(app)
        self._tell(app)

    def leaving(self) -> Sequence[AppId]:
        return sorted(self._leaving)

    async def forget_app(self, app: AppId) -> None:
        self._leaving.discard(app)

    async def set_default_app(self, app: AppId | None) -> None:
        if app is not None and app not in self._revisions:
            raise NotFound(f"there is no app {app}")
        before, self._default = self._default, app
        for changed in dict.fromkeys((before, app)):
            if changed is not None:
                self._tell(changed)

    def _tell(self, app: AppId) -> None:
        for told in self._told:
            told(app)
