"""Fetches an app's files from a server, as they were deployed."""

import asyncio
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.model.limits import BUNDLE_BYTES_MAX

_PIECE_BYTES = 256 << 10


async def fetch_app(session: Session, app: str, into: Path, *, revision: str | None) -> int:
    """Write an app's files into a folder that is empty or not there; say how many they are.

    Raises:
        CommandFailed: the folder holds something, or the server has no such app.
    """
    _check_empty(into)
    with tempfile.TemporaryFile() as packed:
        await _download(session, app, packed, revision=revision)
        packed.seek(0)
        return await asyncio.to_thread(_unpack, packed, into)


def _check_empty(into: Path) -> None:
    if into.exists() and not (into.is_dir() and not any(into.iterdir())):
        raise CommandFailed(
            f"{into} is not empty", exit=Exit.USAGE, code="usage", hint="Name a new folder."
        )


async def _download(session: Session, app: str, into: IO[bytes], *, revision: str | None) -> None:
    size = 0
    async with (
        session.client() as client,
        client.transfer("GET", path_of("apps", app, "bundle"), query={"revision": revision}) as got,
    ):
        async for piece in got.aiter_bytes(_PIECE_BYTES):
            size += len(piece)
            if size > BUNDLE_BYTES_MAX:
                raise CommandFailed(f"{app} is larger than {BUNDLE_BYTES_MAX >> 20} MiB")
            into.write(piece)


def _unpack(packed: IO[bytes], into: Path) -> int:
    """Unpack; nothing may lie outside of the folder, whoever packed it. By hand, because
    tarfile's own filters came only with Python 3.11.4.
    """
    into.mkdir(parents=True, exist_ok=True)
    count = 0
    try:
        with tarfile.open(fileobj=packed, mode="r:gz") as archive:
            for member in archive:
                if not member.isdir():
                    _write(archive, member, into)
                    count += 1
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CommandFailed(f"what the server sent cannot be unpacked: {error}") from error
    return count


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    place = into / member.name
    inner = archive.extractfile(member) if member.isreg() else None
    if inner is None or ".." in place.parts or not place.is_relative_to(into):
        raise CommandFailed(f"what the server sent has no place here: {member.name!r}")
    place.parent.mkdir(parents=True, exist_ok=True)
    with inner, place.open("xb") as file:
        shutil.copyfileobj(inner, file)
    place.chmod(0o755 if member.mode & 0o111 else 0o644)
