"""The dashboard: sessions of browsers, the way in, the pages before the APIs."""

from collections.abc import Sequence

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.assembly.settings import Settings
from tapwater_server.dashboard.attempts import Attempts
from tapwater_server.dashboard.codes import Codes
from tapwater_server.dashboard.door import SessionDoor
from tapwater_server.dashboard.hosts import OWN_HOST, Hosts
from tapwater_server.dashboard.site import Dashboard
from tapwater_server.model.errors import NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.model.user import User
from tapwater_server.services.auth.entrance import Entrance
from tapwater_server.services.auth.house import House, Place
from tapwater_server.web.scope import ASGIApp
from tapwater_server.web.sessions import Browsers


def open_browsers(ground: Ground) -> Browsers:
    """Give what knows who is signed in."""
    return Browsers(
        sessions=ground.stores.sessions,
        tokens=ground.stores.tokens,
        users=ground.stores.users,
        clock=ground.clock,
        ids=ground.ids,
        shared=ground.settings.dashboard_shared,
    )


def open_door(ground: Ground, parts: Sequence[Part], browsers: Browsers) -> SessionDoor:
    """Give the way in; users of apps show who they are to the service that knows them."""
    house = next(part.service for part in parts if part.name == "users")
    assert isinstance(house, House)
    entrance, registry = Entrance(house), ground.stores.registry

    async def prove(app: AppId, email: str, password: str, client: str) -> User:
        if not registry.revisions(app):
            raise NotFound(f"there is no app {app}")
        return await entrance.prove(app, email, password, Place(url="", client=client))

    return SessionDoor(
        browsers=browsers,
        tokens=ground.stores.tokens,
        prove=prove,
        hosts=_hosts(ground.settings),
        codes=Codes(clock=ground.clock, ids=ground.ids),
        attempts=Attempts(clock=ground.clock),
    )


def before(ground: Ground, door: SessionDoor, otherwise: ASGIApp) -> Dashboard:
    """Put the dashboard before the APIs."""
    return Dashboard(door=door, hosts=_hosts(ground.settings), otherwise=otherwise)


def dashboard_hosts(settings: Settings) -> tuple[str, ...]:
    """Name the hosts on which the dashboard alone answers."""
    chosen = settings.dashboard_host.lower().rstrip(".")
    return (OWN_HOST, chosen) if chosen else (OWN_HOST,)


def dashboard_url(url: str, settings: Settings) -> str:
    """Say where a person finds the dashboard of the node that listens at ``url``."""
    scheme, _, host = url.partition("://")
    return f"{_hosts(settings).elsewhere(scheme=scheme, host=host) or url}/_/"


def _hosts(settings: Settings) -> Hosts:
    return Hosts(host=settings.dashboard_host.lower().rstrip("."), shared=settings.dashboard_shared)


async def open(ground: Ground) -> Part:
    return Part(name="dashboard", sweep=open_browsers(ground).sweep)
