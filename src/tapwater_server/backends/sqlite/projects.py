"""Projects in SQLite, answered from memory."""

import sqlite3

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.model.project import Project
from tapwater_server.ports.projects import HeldProjects

_NAMES = "SELECT name FROM project"
_APPS = "SELECT app, project FROM project_app ORDER BY app"
_PUT = "INSERT INTO project (name) VALUES (:name) ON CONFLICT (name) DO NOTHING"
_EMPTY = "DELETE FROM project_app WHERE project = :name"
_TAKE = """
INSERT INTO project_app (app, project) VALUES (:app, :name)
ON CONFLICT (app) DO UPDATE SET project = :name
"""
_REMOVE = "DELETE FROM project WHERE name = :name"
_ERASE = "DELETE FROM project_app WHERE app = :app"


class SqliteProjects:
    """See the promises of ``ports/projects.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database, self._held = database, HeldProjects()
        self.of, self.get, self.all = self._held.of, self._held.get, self._held.all
        self.watch = self._held.watch
        database.load(self._load)

    async def put(self, project: Project) -> None:
        self._held.check(project)
        rows = [{"app": app, "name": project.name} for app in project.apps]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, {"name": project.name})
            connection.execute(_EMPTY, {"name": project.name})
            connection.executemany(_TAKE, rows)

        await self._database.write(work, then=lambda _: self._held.put(project))

    async def remove(self, name: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            connection.execute(_EMPTY, {"name": name})
            return connection.execute(_REMOVE, {"name": name}).rowcount > 0

        return await self._database.write(work, then=lambda _: self._held.remove(name))

    async def erase(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ERASE, {"app": app})

        await self._database.write(work, then=lambda _: self._held.erase(app))

    def _load(self, connection: sqlite3.Connection) -> None:
        apps: dict[str, list[AppId]] = {name: [] for (name,) in connection.execute(_NAMES)}
        for app, name in connection.execute(_APPS):
            apps[name].append(AppId(app))
        for name, some in apps.items():
            self._held.put(Project(name=name, apps=tuple(some)))
