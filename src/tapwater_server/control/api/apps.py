"""Apps, their revisions and their aliases."""

import re
from collections.abc import Sequence

from tapwater_server.control.api.endpoint import Asked, require_admin
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

_ALIAS = re.compile(r"(?!r\d+$)[a-z]([a-z0-9-]{0,30}[a-z0-9])?")


async def list_apps(house: House, asked: Asked) -> Apps:
    names = [app for app in house.registry.apps() if asked.principal.may_deploy(app)]
    return Apps(apps=[_app_line(house, asked, app) for app in names])


async def show_app(house: House, asked: Asked) -> AppDetail:
    app = asked.deployed_app(house)
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
    app = asked.app
    async with house.turns.of(app):
        await house.leaving.remove(app)


async def list_revisions(house: House, asked: Asked) -> Revisions:
    app = asked.deployed_app(house)
    aliases = house.registry.aliases(app)
    default = house.registry.default_app() == app
    where = addresses(house, asked)
    lines = [
        revision_line(one, aliases=aliases, addresses=where, default=default)
        for one in house.registry.revisions(app)
    ]
    return Revisions(revisions=lines)


async def remove_revision(house: House, asked: Asked) -> None:
    app = asked.deployed_app(house)
    async with house.turns.of(app):
        revision = find_revision(house, app, asked.path("number"))
        await house.registry.remove_revision(app, revision.id)
        await house.preparer.forget(revision)
        await house.holding.sweep_all()


async def roll_back(house: House, asked: Asked) -> Aliases:
    app = asked.deployed_app(house)
    body = await asked.body(RollbackTo)
    async with house.turns.of(app):
        known = {alias.name: alias for alias in house.registry.aliases(app)}
        target = rollback_target(house.registry.revisions(app), known.get(body.alias), body.to)
        name = parse_alias(body.alias)
        await house.registry.set_alias(Alias(app=app, name=name, weights={target: 100}))
    return _aliases(house, app)


async def list_aliases(house: House, asked: Asked) -> Aliases:
    return _aliases(house, asked.deployed_app(house))


async def set_alias(house: House, asked: Asked) -> Aliases:
    app = asked.deployed_app(house)
    name = parse_alias(asked.path("alias"))
    body = await asked.body(Weights)
    async with house.turns.of(app):
        weights = resolve_weights(
            body.weights, house.registry.revisions(app), house.registry.aliases(app)
        )
        await house.registry.set_alias(Alias(app=app, name=name, weights=weights))
    return _aliases(house, app)


async def remove_alias(house: House, asked: Asked) -> None:
    app = asked.deployed_app(house)
    name = asked.path("alias")
    if name == LIVE:
        raise Invalid("the alias live is where the app answers: remove the app instead")
    async with house.turns.of(app):
        await house.registry.remove_alias(app, name)


async def set_default_app(house: House, asked: Asked) -> DefaultApp:
    require_admin(asked.principal)
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
    request = asked.request
    host = request.headers.get("host", house.settings.domain)
    return Addresses(scheme=request.url.scheme, host=host, domain=house.settings.domain)


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
    )


def _leading(revisions: Sequence[Revision], aliases: Sequence[Alias]) -> Revision:
    """Choose the revision that shows what an app is: the one with most of the live traffic."""
    live: dict[str, int] = {}
    for alias in aliases:
        if alias.name == LIVE:
            live = {str(id): weight for id, weight in alias.weights.items()}
    return max(revisions, key=lambda one: (live.get(one.id, 0), one.number))
