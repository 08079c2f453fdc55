"""Apps, their revisions and their aliases."""

import re
from collections.abc import Sequence

from tapwater_server.control import foreign
from tapwater_server.control.api.shapes import (
    Aliases,
    AppDetail,
    AppLine,
    Apps,
    DefaultApp,
    Revisions,
    RollbackTo,
    Weights,
)
from tapwater_server.control.api.showing import Addresses, revision_line, weights_by_number
from tapwater_server.control.house import House
from tapwater_server.control.plan import LIVE, resolve_weights, rollback_target
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.web.asked import Asked
from tapwater_server.web.node import app_in_path

_ALIAS = re.compile(r"(?!r\d+$)[a-z]([a-z0-9-]{0,30}[a-z0-9])?")


async def list_apps(house: House, asked: Asked) -> Apps:
    names = [app for app in house.registry.apps() if asked.who.may_deploy(app)]
    return Apps(apps=[_app_line(house, asked, app) for app in names])


def deployed_app(house: House, asked: Asked) -> AppId:
    """The app of the path, which must exist.

    Raises:
        NotFound: it does not, or is not for who asks.
    """
    app = app_in_path(asked)
    if not house.registry.revisions(app):
        raise NotFound(f"there is no app {app}")
    return app


async def show_app(house: House, asked: Asked) -> AppDetail:
    app = deployed_app(house, asked)
    line = _app_line(house, asked, app)
    revisions = house.registry.revisions(app)
    aliases = house.registry.aliases(app)
    revision = _leading(revisions, aliases)
    return AppDetail(
        name=app,
        default=line.default,
        hosts=line.hosts,
        urls=[line.url, *(f"https://{host}" for host in line.hosts)],
        aliases=line.aliases,
        revision=revision_line(
            revision,
            aliases=aliases,
            addresses=addresses(house, asked),
            default=line.default,
        ),
    )


async def remove_app(house: House, asked: Asked) -> None:
    app = app_in_path(asked)
    async with house.turns.of(app):
        await house.leaving.remove(app)


async def list_revisions(house: House, asked: Asked) -> Revisions:
    app = deployed_app(house, asked)
    aliases = house.registry.aliases(app)
    default = house.registry.default_app() == app
    where = addresses(house, asked)
    lines = [
        revision_line(one, aliases=aliases, addresses=where, default=default)
        for one in house.registry.revisions(app)
    ]
    return Revisions(revisions=lines)


async def remove_revision(house: House, asked: Asked) -> None:
    app = deployed_app(house, asked)
    async with house.turns.of(app):
        foreign.check_ours(house.registry.revisions(app), instead=foreign.REMOVE)
        revision = find_revision(house, app, asked.params["number"])
        await house.registry.remove_revision(app, revision.id)
        await house.preparer.forget(revision)
        await house.holding.sweep_all()


async def roll_back(house: House, asked: Asked) -> Aliases:
    app = deployed_app(house, asked)
    body = await asked.body(RollbackTo)
    async with house.turns.of(app):
        foreign.check_ours(house.registry.revisions(app), instead=foreign.TRAFFIC)
        known = {alias.name: alias for alias in house.registry.aliases(app)}
        target = rollback_target(house.registry.revisions(app), known.get(body.alias), body.to)
        name = parse_alias(body.alias)
        await house.registry.set_alias(Alias(app=app, name=name, weights={target: 100}))
    return _aliases(house, app)


async def list_aliases(house: House, asked: Asked) -> Aliases:
    return _aliases(house, deployed_app(house, asked))


async def set_alias(house: House, asked: Asked) -> Aliases:
    app = deployed_app(house, asked)
    name = parse_alias(asked.params["alias"])
    body = await asked.body(Weights)
    async with house.turns.of(app):
        foreign.check_ours(house.registry.revisions(app), instead=foreign.TRAFFIC)
        weights = resolve_weights(
            body.weights, house.registry.revisions(app), house.registry.aliases(app)
        )
        await house.registry.set_alias(Alias(app=app, name=name, weights=weights))
    return _aliases(house, app)


async def remove_alias(house: House, asked: Asked) -> None:
    app = deployed_app(house, asked)
    name = asked.params["alias"]
    if name == LIVE:
        raise Invalid("the alias live is where the app answers: remove the app instead")
    async with house.turns.of(app):
        foreign.check_ours(house.registry.revisions(app), instead=foreign.UNALIAS)
        await house.registry.remove_alias(app, name)


async def set_default_app(house: House, asked: Asked) -> DefaultApp:
    body = await asked.body(DefaultApp)
    app = None if body.app is None else parse_app_id(body.app)
    await house.registry.set_default_app(app)
    return DefaultApp(app=app)


def parse_alias(text: str) -> str:
    """Check the name of an alias: it becomes part of a host.

    Raises:
        Invalid: it cannot be one; ``r12`` is how the revision 12 is called.
    """
    if not _ALIAS.fullmatch(text) or "--" in text:
        raise Invalid(
            f"{text!r} cannot be an alias: use lower-case letters, digits and inner dashes, "
            "beginning with a letter, 32 characters at most"
        )
    return text


def find_revision(house: House, app: AppId, number: str) -> Revision:
    """Find a revision by its number.

    Raises:
        NotFound: there is none.
    """
    for revision in house.registry.revisions(app):
        if str(revision.number) == number.removeprefix("r"):
            return revision
    raise NotFound(f"{app} has no revision {number}")


def addresses(house: House, asked: Asked) -> Addresses:
    """Write URLs for the one who asks."""
    scheme = asked.base_url.partition(":")[0] or "http"
    host = asked.headers.get("host", house.settings.domain)
    name = host.rpartition(":")[0] or host
    bare = name.lower() not in house.settings.dashboard_hosts
    return Addresses(scheme=scheme, host=host, domain=house.settings.domain, bare=bare)


def _aliases(house: House, app: AppId) -> Aliases:
    known = weights_by_number(house.registry.aliases(app), house.registry.revisions(app))
    return Aliases(aliases=known)


def _app_line(house: House, asked: Asked, app: AppId) -> AppLine:
    revisions = house.registry.revisions(app)
    aliases = house.registry.aliases(app)
    leading = _leading(revisions, aliases)
    default = house.registry.default_app() == app
    return AppLine(
        name=app,
        functions=len(leading.functions),
        aliases=weights_by_number(aliases, revisions),
        hosts=list(leading.hosts),
        default=default,
        url=addresses(house, asked).of_app(app, default=default),
        note=leading.note,
        cloud=foreign.cloud_of(leading),
    )


def _leading(revisions: Sequence[Revision], aliases: Sequence[Alias]) -> Revision:
    """Choose the revision that shows what an app is: the one with most of the live traffic."""
    live: dict[str, int] = {}
    for alias in aliases:
        if alias.name == LIVE:
            live = {str(id): weight for id, weight in alias.weights.items()}
    return max(revisions, key=lambda one: (live.get(one.id, 0), one.number))
