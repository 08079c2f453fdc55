"""Serves projects: /projects of the node's API."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.model.project import DEFAULT, Project, parse_project
from tapwater_server.ports.projects import Projects
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint, Who

APPS_MAX = 10_000
Said = dict[str, Any]
_ONE = "/projects/{name}"


class ProjectAsked(msgspec.Struct, forbid_unknown_fields=True):
    """The apps of a project: all of them. An app named here leaves the project it was in."""

    apps: list[str]


class ProjectsApi:
    """Shows and changes which app belongs where."""

    def __init__(
        self,
        *,
        projects: Projects,
        apps: Callable[[], Sequence[AppId]],  # that are deployed
        flush: Callable[[], Awaitable[None]],  # what was used goes into the ledger
    ) -> None:
        self._projects, self._apps, self._flush = projects, apps, flush

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/projects",
                says="List projects and their apps.",
                handler=self._list,
                who=Who.ADMIN,
            ),
            Endpoint(
                method="PUT",
                path=_ONE,
                says="Set the apps of a project; make it if it is not there.",
                handler=self._put,
                who=Who.ADMIN,
                takes=ProjectAsked,
            ),
            Endpoint(
                method="DELETE",
                path=_ONE,
                says=f"Remove a project; its apps go back to {DEFAULT!r}.",
                handler=self._remove,
                who=Who.ADMIN,
            ),
        )

    async def _list(self, asked: Asked) -> Said:
        rest = [app for app in self._apps() if self._projects.of(app) == DEFAULT]
        return {
            "projects": [
                {"name": DEFAULT, "apps": sorted(rest)},
                *({"name": one.name, "apps": list(one.apps)} for one in self._projects.all()),
            ]
        }

    async def _put(self, asked: Asked) -> Said:
        name, said = parse_project(asked.params["name"]), await asked.body(ProjectAsked)
        if len(said.apps) > APPS_MAX:
            raise Invalid(f"a project has at most {APPS_MAX} apps")
        apps = tuple(sorted({parse_app_id(app) for app in said.apps}))
        await self._flush()  # What was used before stays with the project it was used in.
        await self._projects.put(Project(name=name, apps=apps))
        return {"name": name, "apps": list(apps)}

    async def _remove(self, asked: Asked) -> None:
        name = asked.params["name"]
        await self._flush()
        if not await self._projects.remove(name):
            raise NotFound(f"there is no project {name[:80]!r}")
