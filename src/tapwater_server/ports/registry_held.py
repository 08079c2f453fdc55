"""What any registry holds in memory, to answer each request without waiting."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId


@dataclass(slots=True)
class Held:
    """Changed only when a change is durable. ``tell`` says so to those who watch."""

    _revisions: dict[AppId, dict[RevisionId, Revision]] = field(default_factory=dict)
    _aliases: dict[AppId, dict[str, Alias]] = field(default_factory=dict)
    _leaving: set[AppId] = field(default_factory=set)
    _default: AppId | None = None
    _told: list[Callable[[AppId], None]] = field(default_factory=list)

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

    def leaving(self) -> Sequence[AppId]:
        return sorted(self._leaving)

    def watch(self, told: Callable[[AppId], None]) -> None:
        self._told.append(told)

    def tell(self, app: AppId) -> None:
        for told in self._told:
            told(app)

    def add(self, revision: Revision) -> None:
        self._revisions.setdefault(revision.app, {})[revision.id] = revision

    def put_aliases(self, aliases: Iterable[Alias]) -> None:
        for alias in aliases:
            self._aliases.setdefault(alias.app, {})[alias.name] = alias

    def remove_alias(self, app: AppId, name: str) -> bool:
        return self._aliases.get(app, {}).pop(name, None) is not None

    def remove_revision(self, app: AppId, id: RevisionId) -> None:
        held = self._revisions[app]
        del held[id]
        if not held:
            del self._revisions[app]

    def remove_app(self, app: AppId) -> None:
        """Its name is kept until all of it is gone."""
        self._revisions.pop(app, None)
        self._aliases.pop(app, None)
        self._leaving.add(app)
        if self._default == app:
            self._default = None

    def leave(self, apps: Iterable[AppId]) -> None:
        self._leaving.update(apps)

    def forget_app(self, app: AppId) -> None:
        self._leaving.discard(app)

    def set_default_app(self, app: AppId | None) -> Sequence[AppId]:
        """Give those for whom something has changed."""
        before, self._default = self._default, app
        return [changed for changed in dict.fromkeys((before, app)) if changed is not None]
