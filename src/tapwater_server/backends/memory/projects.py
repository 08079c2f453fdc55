"""Projects in memory: the reference."""

from tapwater_server.model.ids import AppId
from tapwater_server.model.project import Project
from tapwater_server.ports.projects import HeldProjects


class MemoryProjects:
    """See the promises of ``ports/projects.py``."""

    def __init__(self) -> None:
        self._held = HeldProjects()
        self.of, self.get, self.all = self._held.of, self._held.get, self._held.all
        self.watch = self._held.watch

    async def put(self, project: Project) -> None:
        self._held.check(project)
        self._held.put(project)

    async def remove(self, name: str) -> bool:
        there = self._held.get(name) is not None
        self._held.remove(name)
        return there

    async def erase(self, app: AppId) -> None:
        self._held.erase(app)
