"""Keeps an app deployed while its files change: pack, compare, deploy, say one line."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tapwater_server.cli.bundle import Bundle, Chosen, choose, pack
from tapwater_server.cli.client import Client
from tapwater_server.cli.deploying import send
from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.progress import Shown, Silent
from tapwater_server.cli.project import Project

DEBOUNCE_MS = 50  # An editor that writes for longer than this has two changes.
_STEP_MS = 10  # Quiet for this long: the change is whole.
_LOOK_MS = 500  # How soon after its start a watch looks for what it may have missed.
_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One deploy that went well."""

    revision: Mapping[str, Any]
    changed: tuple[str, ...]
    took_s: float
    warnings: tuple[str, ...] = ()


class Told(Protocol):
    """Hears how it goes."""

    async def deployed(self, deployed: Deployed) -> None: ...

    def refused(self, error: CommandFailed, chosen: Chosen | None) -> None: ...


class Watched:
    """One app under the hands of its author."""

    def __init__(
        self,
        project: Project,
        *,
        client: Client,
        told: Told,
        monotonic: Callable[[], float],
    ) -> None:
        self._project = project
        self._client = client
        self._told = told
        self._monotonic = monotonic
        self._digest = ""  # of what was sent last
        self._failed = False  # it was refused; saving again asks again
        self._warnings: tuple[str, ...] = ()
        self.folders: tuple[Path, ...] = (project.folder,)

    async def step(self, changed: Sequence[str] = (), *, shown: Shown | None = None) -> bool:
        """Deploy what is there now, unless it is what was sent last. Say whether it was sent."""
        began = self._monotonic()
        try:
            chosen, bundle = await asyncio.to_thread(self._pack)
        except CommandFailed as error:
            self._told.refused(error, None)
            return False
        with closing(bundle):
            if bundle.digest == self._digest and not (self._failed and changed):
                return False
            self._digest = bundle.digest
            try:
                revision = await send(
                    self._client, bundle, app=self._project.name, shown=shown or Silent()
                )
            except CommandFailed as error:
                self._failed = True
                self._told.refused(error, chosen)
                return False
        self._failed = False
        await self._tell(revision, chosen, changed, took_s=self._monotonic() - began)
        return True

    async def _tell(
        self,
        revision: Mapping[str, Any],
        chosen: Chosen,
        changed: Sequence[str],
        *,
        took_s: float,
    ) -> None:
        warnings = chosen.warnings if chosen.warnings != self._warnings else ()
        self._warnings = chosen.warnings
        # An editor's own files are not worth a word.
        named = [each for each in changed if chosen.local(each)] or changed
        await self._told.deployed(
            Deployed(revision=revision, changed=tuple(named), took_s=took_s, warnings=warnings)
        )

    def _pack(self) -> tuple[Chosen, Bundle]:
        chosen = choose(self._project)
        self.folders = chosen.folders
        return chosen, pack(chosen)

    async def run(self) -> None:
        """Watch until cancelled. Only folders that are deployed are watched, and what appears."""
        while True:
            await self._watch(self.folders)

    async def _watch(self, folders: tuple[Path, ...]) -> None:
        """Watch these folders until others are to be watched."""
        from watchfiles import awatch

        fresh = True
        async for changes in awatch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=_STEP_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            recursive=False,
        ):
            if changes or fresh:
                await self.step(self._names(path for _, path in changes))
            fresh = False
            if self.folders != folders:
                return

    def _names(self, paths: Any) -> list[str]:
        top = self._project.folder
        places = (Path(path) for path in paths)
        return sorted({str(p.relative_to(top)) for p in places if p.is_relative_to(top)})


def name_files(changed: Sequence[str]) -> str:
    """Name what changed, in few words.

    >>> name_files(["a.py"]), name_files([])
    ('a.py', 'the app')
    """
    rest = len(changed) - _NAMES_SHOWN
    shown = ", ".join(changed[:_NAMES_SHOWN]) or "the app"
    return f"{shown} and {rest} more" if rest > 0 else shown
