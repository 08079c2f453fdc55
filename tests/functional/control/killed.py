"""A process that deploys and stops at a named point, to be killed there."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import uv

from tapwater_server.backends.files.folders import FileFolders
from tapwater_server.backends.files.key_file import KeyFile
from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.registry import SqliteRegistry
from tapwater_server.backends.sqlite.secrets import SqliteSecrets
from tapwater_server.backends.sqlite.tokens import SqliteTokens
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.control import bundle as bundles
from tapwater_server.control.apply import Order
from tapwater_server.control.control import Control
from tapwater_server.control.house import ControlSettings
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId
from tapwater_server.ports.preparer import Prepared
from tapwater_server.ports.sandbox import Image
from tests.functional.control.rig import Echo, ReadingPreparer, bundle, examine, keep_nothing

SHOP = AppId("shop")
POINTS = ("unpack", "prepare", "number", "added")
FILES = {"restful/a.py": "def get(): ...\n"}


def stop_here(point: str) -> None:
    """Say where we are, and wait for the end."""
    print(point, flush=True)
    sys.stdin.read()


class StoppingPreparer(ReadingPreparer):
    """Stops inside a prepare."""

    async def prepare(self, image: Image) -> Prepared:
        stop_here("prepare")
        return await super().prepare(image)


class StoppingRegistry(SqliteRegistry):
    """Stops when a number was taken, or when a revision was added."""

    point = ""

    async def next_number(self, app: AppId) -> int:
        number = await super().next_number(app)
        if self.point == "number":
            stop_here("number")
        return number

    async def add_revision(self, revision: Revision, *, aliases: Sequence[Alias]) -> None:
        await super().add_revision(revision, aliases=aliases)
        if self.point == "added":
            stop_here("added")


@asynccontextmanager
async def opened(folder: Path, point: str = "") -> AsyncIterator[Control]:
    """A control plane on the disk, as the platform has it."""
    clock, ids = SystemClock(), SystemIds()
    database = Database(folder / "state.db", schema="state")
    try:
        secrets = SqliteSecrets(database=database, key_file=KeyFile(folder / "secret-key"))
        tokens = SqliteTokens(database=database, ids=ids)
        registry = StoppingRegistry(database=database, followers=(secrets, tokens))
        registry.point = point
        control = Control(
            registry=registry,
            folders=FileFolders(folder),
            secrets=secrets,
            tokens=tokens,
            preparer=StoppingPreparer() if point == "prepare" else ReadingPreparer(),
            invoker=Echo(),
            bus=MemoryBus(clock=clock),
            clock=clock,
            ids=ids,
            doctor=examine,
            top=dict,
            erase=keep_nothing,
            settings=ControlSettings(
                cache=folder / "cache",
                scratch=folder / "scratch",
                uv=uv.find_uv_bin(),
                home=folder,
            ),
        )
        await control.start()
        yield control
    finally:
        await database.close()


async def deploy(control: Control, note: str) -> Revision:
    """Deploy an app that differs with the note."""
    archive = io.BytesIO(bundle({**FILES, "note.txt": note}))
    order = Order(app=SHOP, archive=archive, note=note)
    return await control.house.deploying.deploy(order, said=lambda _: None)


async def main(folder: Path, point: str) -> None:
    async with opened(folder, point) as control:
        if point == "unpack":
            whole = bundles.unpack

            def unpack(archive: BinaryIO, contents: bundles.Contents, into: Path) -> None:
                whole(archive, contents, into)
                stop_here("unpack")

            bundles.unpack = unpack
        await deploy(control, "second")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
