"""Budgets and projects of this node: their API, and the loop that tells of what was reached."""

from collections.abc import Callable, Sequence
from functools import partial

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.assembly.parts.mail import open_post
from tapwater_server.assembly.parts.notifying import open_notifier
from tapwater_server.backends.files.key_file import ensure_key
from tapwater_server.model.ids import AppId
from tapwater_server.ports.projects import Projects
from tapwater_server.services.budgets.http import BudgetsApi
from tapwater_server.services.budgets.projects_http import ProjectsApi
from tapwater_server.services.budgets.telling import Teller, secret_of


async def open(ground: Ground) -> Part:
    """Build them on the accounts that admission asks already."""
    spending, projects = ground.spending, ground.stores.projects
    secret = partial(secret_of, ensure_key(ground.settings.data / "budgets-key"))
    notifier = open_notifier(ground)
    teller = Teller(
        accounts=spending.accounts,
        budgets=spending.budgets,
        filling=spending.filling,
        log=ground.stores.eventlog,
        post=open_post(ground),
        notifier=notifier,
        apps_of=partial(_apps_of, projects, ground.stores.registry.apps),
        secret_of=secret,
        clock=ground.clock,
    )
    api = BudgetsApi(service=spending.service, accounts=spending.accounts, secret_of=secret)
    flush = ground.stores.meter.flush
    of_projects = ProjectsApi(projects=projects, apps=ground.stores.registry.apps, flush=flush)

    async def erase(app: AppId) -> None:
        await spending.service.erase(app)
        await flush()
        await projects.erase(app)

    return Part(
        name="budgets",
        node=(*api.endpoints(), *of_projects.endpoints()),
        loops=(notifier.run(), teller.run()),
        erase=erase,
        service=spending.service,
    )


def _apps_of(
    projects: Projects, deployed: Callable[[], Sequence[AppId]], name: str
) -> Sequence[AppId]:
    """The apps of a project that are there: of "default", those that no other has."""
    return [app for app in deployed() if projects.of(app) == name]
