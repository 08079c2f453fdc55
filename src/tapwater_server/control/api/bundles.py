"""The bundle of a revision, as it was deployed: for somebody who has lost the folder."""

import asyncio
import gzip
import os
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

from tapwater_server.control.api.apps import deployed_app
from tapwater_server.control.api.calls import choose_revision
from tapwater_server.control.holding import BUNDLES
from tapwater_server.control.house import House
from tapwater_server.model.errors import NotFound
from tapwater_server.model.function import Revision
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Streamed

_PIECE_BYTES = 256 << 10


async def give_bundle(house: House, asked: Asked) -> Streamed:
    app = deployed_app(house, asked)
    revision = choose_revision(house, app, asked.text("revision"))
    # A file of its own: while its reader takes long, the revision may go.
    packed = tempfile.TemporaryFile(dir=house.settings.scratch)  # noqa: SIM115 - closed below
    try:
        with house.holding.during() as held:
            held.add(revision.bundle)
            size = await asyncio.to_thread(_pack, _folder(house, revision), packed)
    except BaseException:
        packed.close()
        raise
    name = f"{app}-r{revision.number}.tar.gz"
    headers = {
        "content-type": "application/gzip",
        "content-length": str(size),
        "content-disposition": f'attachment; filename="{name}"',
    }
    return Streamed(_pieces(packed), headers=headers)


def _folder(house: House, revision: Revision) -> Path:
    folder = house.folders.path(BUNDLES, revision.bundle)
    if folder is None:
        raise NotFound(f"the code of r{revision.number} is not in the data directory any more")
    return folder


async def _pieces(packed: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(packed.read, _PIECE_BYTES):
            yield piece
    finally:
        packed.close()


def _pack(folder: Path, into: IO[bytes]) -> int:
    """Write a folder as a tar.gz, the same every time; say how long it is."""
    with (
        gzip.GzipFile(fileobj=into, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for path in _files(folder):
            entry = archive.gettarinfo(path, arcname=str(path.relative_to(folder)))
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            if entry.isreg():
                with path.open("rb") as content:
                    archive.addfile(entry, content)
            elif entry.issym():  # It goes as a link: what it leads to is not looked at.
                archive.addfile(entry)
    size = into.tell()
    into.seek(0)
    return size


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in sorted([*files, *links]))
