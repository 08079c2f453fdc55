"""`tapwater blobs buckets|bucket|lifecycle`: the settings of buckets."""

from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import ask, asking
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age, size
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

BucketName = Annotated[str, typer.Argument(metavar="BUCKET")]
_RULE = {
    "expire_days": "expire",
    "drop_old_days": "drop old versions",
    "keep_old_max": "keep old versions",
    "abort_upload_days": "abort uploads",
}


def register(blobs: typer.Typer) -> None:
    """Add the commands."""
    command(blobs, "buckets")(buckets)
    command(blobs, "bucket")(bucket)
    command(blobs, "lifecycle")(lifecycle)


async def buckets(session: Session, app: AppName = None) -> int | None:
    """List the buckets of an app."""
    chosen, said = await ask(session, app, "GET", ("blobs",))
    table = table_of("bucket", "made", "versions", "lifecycle")
    for each in said["buckets"]:
        rules = len(each["lifecycle"])
        made = age(now() - each["created_at"])
        table.add_row(each["name"], made, each["versioning"], f"{rules} rules" if rules else "")
    session.answer({"app": chosen, **said}, table)
    if not said["buckets"]:
        session.say("There are no buckets; the first blob makes one: tapwater blobs put")
    return None


async def bucket(
    session: Session,
    name: BucketName,
    *,
    versioning: Annotated[
        str | None, typer.Option("--versioning", help="on or suspended: keep what is replaced.")
    ] = None,
    make: Annotated[bool, typer.Option("--make", help="Make it if it is not there.")] = False,
    remove: Annotated[bool, typer.Option("--rm", help="Remove it; it must be empty.")] = False,
    app: AppName = None,
) -> int | None:
    """Show a bucket and how much it holds; make it, change it, or remove it."""
    async with asking(session, app) as (client, chosen):
        path = path_of("apps", chosen, "blobs", name)
        if remove:
            await client.ask("DELETE", path)
            session.answer({"removed": name})
            session.print(f"The bucket {name} is removed.")
            return None
        if make or versioning is not None:
            body = {} if versioning is None else {"versioning": versioning}
            await client.ask("PUT", path, body=body)
        said = await client.get(path_of("apps", chosen, "blobs", "-", "buckets", name))
    session.answer(said)
    session.print(
        f"{name}: {said['versions']} blobs and versions, {size(said['bytes'])}; "
        f"versioning is {said['versioning']}."
    )
    return None


async def lifecycle(
    session: Session,
    name: BucketName,
    *,
    prefix: Annotated[str, typer.Option("--prefix", help="For keys that begin so.")] = "",
    expire: Annotated[
        float | None, typer.Option("--expire", metavar="DAYS", help="Delete so long after storing.")
    ] = None,
    drop_old: Annotated[
        float | None,
        typer.Option("--drop-old", metavar="DAYS", help="Drop versions replaced so long ago."),
    ] = None,
    keep_old: Annotated[
        int | None, typer.Option("--keep-old", metavar="N", help="But keep the newest N of them.")
    ] = None,
    abort: Annotated[
        float | None,
        typer.Option("--abort-uploads", metavar="DAYS", help="Give up uploads begun so long ago."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all rules first.")] = False,
    app: AppName = None,
) -> int | None:
    """Show what a bucket lets go by itself, or set the rule for a prefix."""
    given = {
        "expire_days": expire,
        "drop_old_days": drop_old,
        "keep_old_max": keep_old,
        "abort_upload_days": abort,
    }
    rule: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    async with asking(session, app) as (client, chosen):
        path = path_of("apps", chosen, "blobs", "-", "buckets", name)
        said = await client.get(path)
        if rule or clear:
            kept = [] if clear else [one for one in said["lifecycle"] if one["prefix"] != prefix]
            rules = [*kept, {"prefix": prefix, **rule}] if rule else kept
            where = path_of("apps", chosen, "blobs", name)
            said = await client.ask("PUT", where, body={"lifecycle": rules})
    session.answer(said)
    for each in said["lifecycle"]:
        words = [f"{_RULE[key]}: {each[key]:g}" for key in _RULE if each[key]]
        session.print(shown(f"{each['prefix'] or 'everything'}: {', '.join(words)}"))
    if not said["lifecycle"]:
        session.say(f"{name} lets nothing go by itself.")
    return None
