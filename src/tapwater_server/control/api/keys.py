"""Secrets of apps, and the tokens with which this API is used."""

import re

from tapwater_server.control import foreign
from tapwater_server.control.api.shapes import (
    Names,
    NewToken,
    SecretValue,
    TokenLine,
    TokenLines,
    TokenText,
)
from tapwater_server.control.house import House
from tapwater_server.model.errors import Conflict, Invalid, NotFound, TooLarge
from tapwater_server.model.ids import parse_app_id
from tapwater_server.web.asked import Asked
from tapwater_server.web.node import app_in_path

SECRET_BYTES_MAX = 64 << 10
SECRETS_MAX = 256  # Per app.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


async def list_secrets(house: House, asked: Asked) -> Names:
    return Names(secrets=list(house.secrets.names(app_in_path(asked))))


async def put_secret(house: House, asked: Asked) -> None:
    """Secrets may be set before the first deploy, which may need them."""
    app, name = app_in_path(asked), asked.params["name"]
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name[:64]!r} cannot be a secret's name: use letters, digits and '_'")
    foreign.check_ours(house.registry.revisions(app), instead=foreign.SECRET)
    value = (await asked.body(SecretValue)).value
    if len(value.encode("utf-8", "surrogatepass")) > SECRET_BYTES_MAX:
        raise TooLarge(f"a secret may have {SECRET_BYTES_MAX >> 10} KiB")
    names = house.secrets.names(app)
    if name not in names and len(names) >= SECRETS_MAX:
        raise Conflict(f"{app} has {SECRETS_MAX} secrets already")
    await house.secrets.put(app, name, value)


async def remove_secret(house: House, asked: Asked) -> None:
    app, name = app_in_path(asked), asked.params["name"]
    if not await house.secrets.remove(app, name):
        raise NotFound(f"{app} has no secret {name[:64]!r}")


async def list_tokens(house: House, asked: Asked) -> TokenLines:
    lines = [
        TokenLine(name=one.name, admin=one.admin, apps=sorted(one.apps))
        for one in house.tokens.list()
    ]
    return TokenLines(tokens=sorted(lines, key=lambda line: line.name))


async def issue_token(house: House, asked: Asked) -> TokenText:
    body = await asked.body(NewToken)
    if not _TOKEN_NAME.fullmatch(body.name):
        raise Invalid(f"{body.name[:64]!r} cannot be a token's name")
    if body.admin == bool(body.apps):
        raise Invalid("a token is either for admins or for some apps")
    apps = [parse_app_id(app) for app in body.apps]
    return TokenText(token=await house.tokens.issue(body.name, admin=body.admin, apps=apps))


async def revoke_token(house: House, asked: Asked) -> None:
    name = asked.params["name"]
    if not await house.tokens.revoke(name):
        raise NotFound(f"there is no token named {name[:64]!r}")
