"""`tapwater docs export` and `import`: documents as NDJSON."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from tapwater_server.cli.asking import asking
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command

_BATCH_MAX = 200
_BATCH_BYTES_MAX = 4 << 20


def register(docs: typer.Typer) -> None:
    """Add the commands."""
    command(docs, "export")(export)
    command(docs, "import")(import_)


async def export(
    session: Session,
    collection: Annotated[
        str, typer.Argument(metavar="[COLLECTION]", help="Default: all of the app.")
    ] = "",
    *,
    group: Annotated[bool, typer.Option("--group", help="All collections of the name.")] = False,
    app: AppName = None,
) -> int | None:
    """Write documents to stdout, one as JSON on each line."""
    asked = {"collection": collection or None, "group": "true" if group else None}
    count = 0
    async with asking(session, app) as (client, chosen):
        url = path_of("apps", chosen, "docs-export")
        async with client.lines("GET", url, query=asked) as lines:
            async for line in lines:
                session.emit(line)
                count += 1
    session.say(f"[dim]{count:,} documents.[/dim]")
    return None


async def import_(
    session: Session,
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="NDJSON; - reads stdin.")],
    *,
    app: AppName = None,
) -> int | None:
    """Write documents, some at a time; those that are there are replaced."""
    done = 0
    file = _open(source)
    async with asking(session, app) as (client, chosen):
        url = path_of("apps", chosen, "docs-commit")
        with file:
            for batch in _batches(file):
                await client.ask("POST", url, body={"writes": batch})
                done += len(batch)
                session.say(f"[dim]{done:,} documents[/dim]")
    session.answer({"imported": done})
    session.print(f"{done:,} documents are imported.")
    return None


def _open(source: str) -> IO[bytes]:
    try:
        return sys.stdin.buffer if source == "-" else Path(source).expanduser().open("rb")
    except OSError as error:
        raise CommandFailed(f"{source} cannot be read: {error}", exit=Exit.USAGE) from error


def _batches(file: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        batch.append(_write(line, number))
        size += len(line)
        if len(batch) >= _BATCH_MAX or size >= _BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _write(line: bytes, number: int) -> dict[str, Any]:
    try:
        said = json.loads(line)
        write = {"set": said["path"], "data": said["data"]}
        write["expires_at"] = said.get("expires_at", 0)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CommandFailed(
            f'line {number} is no document: {{"path": "users/42", "data": {{...}}}} is',
            exit=Exit.USAGE,
            code="usage",
        ) from error
    return write
