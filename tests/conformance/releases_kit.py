"""Releases with everything in memory: zip files in, revisions out."""

import asyncio
import io
import os
import stat
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapwater_server.backends.memory.folders import MemoryFolders
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.control.holding import Holding
from tapwater_server.control.interpreters import Interpreter
from tapwater_server.control.leaving import Leaving
from tapwater_server.control.releasing import Releasing
from tapwater_server.control.turns import Turns
from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import Function, Kind, Revision, Style
from tapwater_server.model.ids import AppId, FunctionId
from tapwater_server.ports.preparer import Prepared
from tapwater_server.ports.releases import Release
from tapwater_server.ports.sandbox import Image
from tapwater_server.testing.clock import CountingIds, ManualClock

APP = AppId("resize")


@dataclass(eq=False, slots=True)
class Made:
    """A zygote that is none."""

    image: Image
    manifest: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class CountingPreparer:
    """Prepares what it is asked to, unless the file ``fails`` is in the code. A test may stop it:
    ``waiting`` tells when, ``may_go_on`` lets it.
    """

    def __init__(self) -> None:
        self.open: list[Made] = []
        self.images: list[Image] = []
        self.adopted: dict[str, Made] = {}
        self.manifest: dict[str, Any] = {}
        self.waiting, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.may_go_on.set()

    async def prepare(self, image: Image) -> Prepared:
        self.images.append(image)
        if not self.may_go_on.is_set():
            self.waiting.set()
            await self.may_go_on.wait()
        if await asyncio.to_thread(os.path.exists, os.path.join(image.code, "fails")):
            raise StartFailed("it does not come up", by_function=True)
        made = Made(image=image, manifest=dict(self.manifest))
        self.open.append(made)
        return made

    def adopt(self, revision: Revision, function: Function, prepared: Prepared) -> None:
        assert isinstance(prepared, Made)
        self.open.remove(prepared)
        self.adopted[revision.id] = prepared

    async def discard(self, prepared: Sequence[Prepared]) -> None:
        for one in prepared:
            assert isinstance(one, Made)
            self.open.remove(one)

    async def forget(self, revision: Revision) -> None:
        self.adopted.pop(revision.id, None)


class Rig:
    """All of it, put together."""

    def __init__(self, scratch: Path) -> None:
        self.registry = MemoryRegistry()
        self.folders = MemoryFolders(scratch=scratch)
        self.preparer = CountingPreparer()
        self.clock = ManualClock()
        self.erased: list[AppId] = []
        holding = Holding(registry=self.registry, folders=self.folders)
        self.holding = holding
        self.releases = Releasing(
            registry=self.registry,
            folders=self.folders,
            preparer=self.preparer,
            holding=holding,
            leaving=Leaving(
                registry=self.registry,
                preparer=self.preparer,
                holding=holding,
                erase=self._erase,
            ),
            turns=Turns(),
            interpreters=self._interpreters,
            default_python="",
            clock=self.clock,
            ids=CountingIds(),
        )

    async def _erase(self, app: AppId) -> None:
        self.erased.append(app)

    async def _interpreters(self) -> Sequence[Interpreter]:
        return [
            Interpreter(path="/usr/bin/python3.11", version="3.11.7"),
            Interpreter(path="/usr/bin/python3.12", version="3.12.1"),
        ]

    async def unpacked(self, files: Mapping[str, str], *, beside: bool = False) -> str:
        digest, _ = await self.releases.unpack([zipped(files)], beside=beside)
        return digest


def zipped(
    files: Mapping[str, str | bytes], *, modes: Mapping[str, int] | None = None
) -> io.BytesIO:
    """Make a zip file; a mode of 0o120777 makes a link whose content is where it leads."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            mode = (modes or {}).get(name, stat.S_IFREG | 0o644)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out


def a_function(app: AppId = APP) -> Function:
    return Function(
        id=FunctionId(app, "handler"),
        kind=Kind.REACTIVE,
        style=Style.FOREIGN,
        file="",
        group="",
        foreign={"cloud": "aws", "handler": "app.handler"},
    )


def a_release(bundle: str, **changes: Any) -> Release:
    return Release(**{"app": APP, "functions": (a_function(),), "bundle": bundle, **changes})
