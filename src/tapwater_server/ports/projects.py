"""Which apps belong to which project.

PRJ-1  put(), remove() and erase() are durable before they return.
PRJ-2  of() answers from memory, and "default" for an app that nobody has put anywhere.
PRJ-3  An app is in one project: put() takes it out of the one it was in. remove() gives the apps
       back to "default".
PRJ-4  Watchers are told after a change is durable, and see it.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from tapwater_server.model.errors import Invalid, Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.model.project import DEFAULT, Project

PROJECTS_MAX = 10_000


class Projects(Protocol):
    """See the promises above."""

    def of(self, app: str) -> str: ...

    def get(self, name: str) -> Project | None: ...

    def all(self) -> Sequence[Project]:
        """By name, without "default"."""
        ...

    async def put(self, project: Project) -> None:
        """Add or replace one.

        Raises:
            Invalid: it is "default", which has all that no other has.
            Overloaded: there are ``PROJECTS_MAX``.
        """
        ...

    async def remove(self, name: str) -> bool: ...

    async def erase(self, app: AppId) -> None:
        """Take a removed app out of its project."""
        ...

    def watch(self, told: Callable[[], None]) -> None: ...


class HeldProjects:
    """All of them in memory: what every backend answers from."""

    def __init__(self) -> None:
        self._projects: dict[str, Project] = {}
        self._of: dict[str, str] = {}
        self._watchers: list[Callable[[], None]] = []

    def of(self, app: str) -> str:
        return self._of.get(app, DEFAULT)

    def get(self, name: str) -> Project | None:
        return self._projects.get(name)

    def all(self) -> Sequence[Project]:
        return [self._projects[name] for name in sorted(self._projects)]

    def watch(self, told: Callable[[], None]) -> None:
        self._watchers.append(told)

    def check(self, project: Project) -> None:
        """Refuse what put() refuses."""
        if project.name == DEFAULT:
            raise Invalid(f"{DEFAULT!r} has the apps that no other project has: name another")
        if project.name not in self._projects and len(self._projects) >= PROJECTS_MAX:
            raise Overloaded(f"there are {PROJECTS_MAX} projects already: remove some")

    def put(self, project: Project) -> None:
        taken = set(project.apps)
        for name, other in list(self._projects.items()):
            if name != project.name and taken & set(other.apps):
                left = tuple(app for app in other.apps if app not in taken)
                self._projects[name] = Project(name=name, apps=left)
        self._projects[project.name] = Project(name=project.name, apps=tuple(sorted(taken)))
        self._changed()

    def remove(self, name: str) -> None:
        if self._projects.pop(name, None) is not None:
            self._changed()

    def erase(self, app: AppId) -> None:
        name = self._of.get(app)
        if name is not None:
            left = tuple(one for one in self._projects[name].apps if one != app)
            self._projects[name] = Project(name=name, apps=left)
            self._changed()

    def _changed(self) -> None:
        self._of = {app: one.name for one in self._projects.values() for app in one.apps}
        for told in self._watchers:
            told()
