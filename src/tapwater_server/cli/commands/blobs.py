"""`tapwater blobs`: look at, move and share what an app keeps in its buckets."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapwater_server.cli.asking import asking
from tapwater_server.cli.blob_transfer import Place, Sending, fetch_file, send_file
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.commands import blob_buckets
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.sending import read_pairs
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age, size
from tapwater_server.cli.tables import shown
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from rich.table import Table

_PAGE = 1_000
_SHOWN_MAX = 10_000  # Lines a person or a script gets at once, unless asked for more.

BlobPath = Annotated[str, typer.Argument(metavar="BUCKET/KEY")]
Version = Annotated[str, typer.Option("--version", metavar="ID", help="An old version.")]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    blobs = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        blobs,
        name="blobs",
        rich_help_panel=panel,
        help="Files an app keeps: list, put, get, share by signed URL.",
    )
    command(blobs, "ls")(ls)
    command(blobs, "put")(put)
    command(blobs, "get")(get)
    command(blobs, "rm")(rm)
    command(blobs, "cp")(cp)
    command(blobs, "stat")(stat)
    command(blobs, "sign")(sign)
    command(blobs, "versions")(versions)
    blob_buckets.register(blobs)


async def ls(
    session: Session,
    place: Annotated[
        str, typer.Argument(metavar="[BUCKET[/PREFIX]]", help="Without it: the buckets.")
    ] = "",
    *,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="All keys, not one level of folders.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = _SHOWN_MAX,
    app: AppName = None,
) -> int | None:
    """List blobs, one level of folders at a time; or the buckets."""
    if not place:
        return await blob_buckets.buckets(session, app)
    bucket, _, prefix = place.partition("/")
    async with asking(session, app) as (client, chosen):
        query = {"prefix": prefix, "delimiter": "" if recursive else "/"}
        blobs, folders = await _pages(client, chosen, bucket, query, limit)
    table = _table()
    for folder in folders:
        table.add_row("", "", "", shown(folder))
    for blob in blobs:
        table.add_row(*_row(blob))
    session.answer({"app": chosen, "bucket": bucket, "prefixes": folders, "blobs": blobs}, table)
    if not blobs and not folders:
        session.say("There is nothing there.")
    return None


async def put(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="- reads from stdin.")],
    to: Annotated[str, typer.Argument(metavar="BUCKET/KEY", help="Or BUCKET/FOLDER/.")],
    *,
    content_type: Annotated[
        str, typer.Option("--type", help="Content type. Default: by the key's ending.")
    ] = "",
    cache: Annotated[str, typer.Option("--cache", help="Cache-Control of answers.")] = "",
    meta: Annotated[
        list[str] | None, typer.Option("--meta", metavar="NAME=VALUE", help="Repeatable.")
    ] = None,
    only_new: Annotated[bool, typer.Option("--only-new", help="Replace nothing.")] = False,
    app: AppName = None,
) -> int | None:
    """Store a file, or every file of a folder below BUCKET/FOLDER/."""
    headers = {"tapwater-metadata": json.dumps(dict(read_pairs(meta or [])))}
    if cache:
        headers["cache-control"] = cache
    if only_new:
        headers["if-none-match"] = "*"
    sending = Sending(headers=headers, content_type=content_type)
    stored = []
    async with asking(session, app) as (client, chosen):
        for each, path in _files(file, to):
            target = _place(chosen, path)
            said = await send_file(session, client, each, target, sending)
            stored.append(said)
            session.print(f"{shown(target.path)}  {size(said['size'])}")
    session.answer({"app": chosen, "stored": stored})
    return None


async def get(
    session: Session,
    source: BlobPath,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="- writes to stdout. Default: the key's end.")
    ] = "",
    *,
    version: Version = "",
    app: AppName = None,
) -> int | None:
    """Fetch a blob into a file."""
    async with asking(session, app) as (client, chosen):
        place = _place(chosen, source)
        if file == "-":
            await fetch_file(session, client, place, None, version=version)
            return None
        target = _target(session.folder, place.key, file)
        count = await fetch_file(session, client, place, target, version=version)
    session.answer({"file": str(target), "size": count})
    session.print(f"{shown(target)}  {size(count)}")
    return None


async def rm(
    session: Session,
    place: Annotated[str, typer.Argument(metavar="BUCKET/KEY", help="With -r: BUCKET[/PREFIX].")],
    *,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Everything that begins so.")
    ] = False,
    version: Version = "",
    app: AppName = None,
) -> int | None:
    """Delete a blob, or everything below a prefix."""
    async with asking(session, app) as (client, chosen):
        if not recursive:
            target = _place(chosen, place)
            async with client.transfer(
                "DELETE", target.url, query={"version": version or None}, headers={}
            ):
                count = 1
        else:
            count = await _delete_all(client, chosen, place)
    session.answer({"app": chosen, "deleted": count})
    session.print(f"{count} deleted.")
    return None


async def cp(
    session: Session,
    source: BlobPath,
    to: Annotated[str, typer.Argument(metavar="BUCKET/KEY")],
    *,
    version: Version = "",
    app: AppName = None,
) -> int | None:
    """Copy a blob, at once whatever its size: the bytes are shared."""
    async with asking(session, app) as (client, chosen):
        one, other = _place(chosen, source), _place(chosen, to)
        asked = {
            "source": {"bucket": one.bucket, "key": one.key, "version": version},
            "to": {"bucket": other.bucket, "key": other.key},
        }
        said = await client.ask("POST", _own(chosen, "copy"), body=asked)
    session.answer(said)
    session.print(shown(f"{one.path} is now at {other.path}, too."))
    return None


async def stat(
    session: Session, place: BlobPath, *, version: Version = "", app: AppName = None
) -> int | None:
    """Show what is known of a blob."""
    from rich.table import Table

    async with asking(session, app) as (client, chosen):
        target = _place(chosen, place)
        said = await client.get(target.url, facts=True, version=version or None)
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in said.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        table.add_row(name, shown(age(now() - value) if name == "stored_at" else text))
    session.answer(said, table)
    return None


async def sign(
    session: Session,
    place: BlobPath,
    *,
    upload: Annotated[bool, typer.Option("--put", help="For storing, not for reading.")] = False,
    expires: Annotated[float, typer.Option("--expires", help="Seconds it holds.")] = 900.0,
    bytes_max: Annotated[int, typer.Option("--bytes-max", help="Of what is stored.")] = 0,
    content_type: Annotated[str, typer.Option("--type", help="Of what is stored.")] = "",
    app: AppName = None,
) -> int | None:
    """Make a URL with which anyone may read, or store, this one blob for a while."""
    async with asking(session, app) as (client, chosen):
        target = _place(chosen, place)
        asked = {
            "bucket": target.bucket,
            "key": target.key,
            "method": "PUT" if upload else "GET",
            "expires_s": expires,
            "bytes_max": bytes_max,
            "content_type": content_type,
        }
        said = await client.ask("POST", _own(chosen, "sign"), body=asked)
    session.answer(said)
    if not session.json:
        session.out.print(str(said["url"]), soft_wrap=True, markup=False)
    return None


async def versions(
    session: Session,
    place: Annotated[str, typer.Argument(metavar="BUCKET[/PREFIX]")],
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = _SHOWN_MAX,
    app: AppName = None,
) -> int | None:
    """List all versions and deletions, the newest of each key first."""
    bucket, _, prefix = place.partition("/")
    async with asking(session, app) as (client, chosen):
        query = {"prefix": prefix, "versions": "true"}
        found, _ = await _pages(client, chosen, bucket, query, limit)
    table = _table("version", "")
    for blob in found:
        state = "deleted" if blob.get("deleted") else "current" if blob.get("current") else ""
        table.add_row(*_row(blob), str(blob["version"]), state)
    session.answer({"app": chosen, "bucket": bucket, "versions": found}, table)
    return None


async def _pages(
    client: Client, app: str, bucket: str, query: dict[str, str], limit: int
) -> tuple[list[dict[str, Any]], list[str]]:
    blobs: list[dict[str, Any]] = []
    folders: list[str] = []
    page: str | None = None
    while len(blobs) + len(folders) < limit:
        count = min(_PAGE, limit - len(blobs) - len(folders))
        path = path_of("apps", app, "blobs", bucket)
        said = await client.get(path, **query, page=page, limit=count)
        blobs += said["blobs"]
        folders += said["prefixes"]
        page = said.get("next")
        if not page:
            break
    return blobs, folders


async def _delete_all(client: Client, app: str, place: str) -> int:
    bucket, _, prefix = place.partition("/")
    count = 0
    while True:
        found, _ = await _pages(client, app, bucket, {"prefix": prefix}, _PAGE)
        if not found:
            return count
        asked = {"bucket": bucket, "keys": [blob["key"] for blob in found]}
        said = await client.ask("POST", _own(app, "delete"), body=asked)
        count += len(said["deleted"])


def _own(app: str, name: str) -> str:
    return path_of("apps", app, "blobs", "-", name)


def _place(app: str, path: str) -> Place:
    """Read BUCKET/KEY.

    Raises:
        CommandFailed: it is none.
    """
    bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise CommandFailed(f"{path!r} is no blob: write BUCKET/KEY", exit=Exit.USAGE, code="usage")
    return Place(app=app, bucket=bucket, key=key)


def _target(folder: Path, key: str, file: str) -> Path:
    """Say where a blob is to be written."""
    name = key.rstrip("/").rpartition("/")[2]
    target = Path(file).expanduser() if file else folder / name
    return target / name if target.is_dir() else target


def _files(file: str, to: str) -> list[tuple[Path | None, str]]:
    """Say which files go where; None is stdin."""
    if file == "-":
        return [(None, to)]
    source = Path(file).expanduser()
    if source.is_dir():
        below = to if to.endswith("/") else f"{to}/"
        found = sorted(path for path in source.rglob("*") if path.is_file())
        return [(path, below + path.relative_to(source).as_posix()) for path in found]
    if not source.is_file():
        raise CommandFailed(f"there is no file {source}", exit=Exit.USAGE, code="usage")
    return [(source, to + source.name if to.endswith("/") or "/" not in to else to)]


def _table(*more: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("size", justify="right")
    for name in ("stored", "type", "key", *more):
        table.add_column(name)
    return table


def _row(blob: dict[str, Any]) -> tuple[str, str, str, str]:
    count = "" if blob.get("deleted") else size(blob["size"])
    return (
        count,
        age(now() - blob["stored_at"]),
        shown(blob.get("content_type", "")),
        shown(blob["key"]),
    )
