"""Packs an app into the same bytes every time, without what does not belong there."""

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.ignoring import DEFAULTS, SECRETS, Ignore, is_ignored
from tapwater_server.cli.project import Project, script_dependencies
from tapwater_server.model.limits import BUNDLE_BYTES_MAX, BUNDLE_FILES_MAX

_IGNORE_FILES = (".gitignore", ".tapwaterignore")  # The later one wins.
_IGNORE_BYTES_MAX = 1 << 20
_IN_MEMORY_BYTES_MAX = 16 << 20  # A larger bundle waits on disk.
_PART_BYTES = 256 << 10
_LARGEST_SHOWN = 5
_GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One file of the bundle: its path there, and where it is here (or its bytes)."""

    path: str
    source: Path | None
    size: int
    made: bytes = b""
    executable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which files go, in the order they are packed, and what a person should know about it."""

    files: tuple[Taken, ...]
    folders: tuple[Path, ...]  # those a watcher should watch
    warnings: tuple[str, ...] = ()

    def local(self, path: str) -> Path | None:
        """Say which file here stands at ``path`` in the bundle."""
        return next((each.source for each in self.files if each.path == path), None)


class Bundle:
    """The packed app; close it after use."""

    def __init__(self, *, packed: IO[bytes], size: int, digest: str) -> None:
        self.file = packed
        self.size = size
        self.digest = digest

    async def parts(self) -> AsyncIterator[bytes]:
        """Give the bytes, piece by piece."""
        self.file.seek(0)
        while part := self.file.read(_PART_BYTES):
            yield part

    def close(self) -> None:
        """Let the bytes go."""
        self.file.close()


def choose(project: Project) -> Chosen:
    """Find what belongs into the bundle of ``project``.

    Raises:
        CommandFailed: there is nothing, or more than a bundle may hold.
    """
    chosen = _choose_one(project.file) if project.file else _choose_folder(project.folder)
    if not chosen.files:
        raise CommandFailed(f"{project.folder} holds no file that could be deployed")
    _check_size(chosen.files)
    return chosen


def pack(chosen: Chosen) -> Bundle:
    """Make the tar.gz: sorted, without times and owners, so that the same app is the same bytes."""
    packed = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES_MAX)  # noqa: SIM115
    try:
        with (
            gzip.GzipFile("", "wb", _GZIP_LEVEL, packed, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for each in chosen.files:
                _add(tar, each)
        size = packed.tell()
        packed.seek(0)
        digest = hashlib.file_digest(packed, "sha256").hexdigest()
        packed.seek(0)
    except BaseException:
        packed.close()
        raise
    return Bundle(packed=packed, size=size, digest=digest)


def _add(tar: tarfile.TarFile, each: Taken) -> None:
    info = tarfile.TarInfo(each.path)
    info.mode = 0o755 if each.executable else 0o644
    if each.source is None:
        info.size = len(each.made)
        tar.addfile(info, io.BytesIO(each.made))
        return
    try:
        with each.source.open("rb") as file:
            info.size = os.fstat(file.fileno()).st_size
            tar.addfile(info, file)
    except OSError as error:
        raise CommandFailed(f"{each.source} cannot be read: {error.strerror or error}") from error


def _choose_one(file: Path) -> Chosen:
    try:
        source = file.read_text(errors="replace")
        files = [_taken(file.name, file)]
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror or error}") from error
    wanted = script_dependencies(source)
    if wanted:
        made = "".join(f"{each}\n" for each in wanted).encode()
        files.append(Taken(path="requirements.txt", source=None, size=len(made), made=made))
    return Chosen(files=tuple(sorted(files, key=lambda each: each.path)), folders=(file.parent,))


def _taken(path: str, source: Path) -> Taken:
    found = source.stat()
    return Taken(
        path=path, source=source, size=found.st_size, executable=bool(found.st_mode & 0o100)
    )


def _choose_folder(top: Path) -> Chosen:
    walk = _Walk(top)
    files = sorted(walk.files("", ()), key=lambda each: each.path)
    return Chosen(files=tuple(files), folders=tuple(walk.folders), warnings=tuple(walk.warnings()))


class _Walk:
    """One pass over an app's folder."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._defaults = Ignore.read(DEFAULTS)
        self._secrets = Ignore.read(SECRETS)
        self._left_secrets: list[str] = []
        self._left_links: list[str] = []
        self._count = 0
        self.folders: list[Path] = []

    def files(self, base: str, above: tuple[Ignore, ...]) -> Iterator[Taken]:
        """Give the files of the folder ``base`` ("" or "lib/") and below."""
        folder = self._top / base
        self.folders.append(folder)
        ignores = (*above, *_read_ignores(folder, base))
        for entry in _entries(folder):
            path = base + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if self._is_left_out(path, folder=is_folder, ignores=ignores):
                continue
            if is_folder:
                yield from self.files(f"{path}/", ignores)
            elif self._is_file(entry, path):
                yield from self._take(path, entry)

    def warnings(self) -> Iterator[str]:
        """Say what was left out that a person might miss."""
        if self._left_secrets:
            yield (
                f"left out, they look like secrets: {_few(self._left_secrets)} "
                "(store values with `tapwater secrets set NAME`)"
            )
        if self._left_links:
            yield f"left out, links to folders or out of the app: {_few(self._left_links)}"

    def _is_left_out(self, path: str, *, folder: bool, ignores: tuple[Ignore, ...]) -> bool:
        if is_ignored(path, folder=folder, ignores=(self._defaults, *ignores)):
            return True
        # Above the person's own patterns: who really means it writes !.env into .tapwaterignore.
        if is_ignored(path, folder=folder, ignores=(self._secrets, *ignores)):
            self._left_secrets.append(path)
            return True
        return False

    def _is_file(self, entry: "os.DirEntry[str]", path: str) -> bool:
        if entry.is_symlink():
            target = Path(entry.path).resolve()
            if not (target.is_file() and target.is_relative_to(self._top.resolve())):
                self._left_links.append(path)
                return False
            return True
        return entry.is_file()  # Sockets and devices are nobody's code.

    def _take(self, path: str, entry: "os.DirEntry[str]") -> Iterator[Taken]:
        self._count += 1
        if self._count > BUNDLE_FILES_MAX:
            raise CommandFailed(
                f"{self._top} holds more than {BUNDLE_FILES_MAX:,} files",
                code="too_large",
                hint="Name folders the app does not need in .tapwaterignore.",
            )
        try:
            yield _taken(path, Path(entry.path))
        except FileNotFoundError:
            return  # Gone between two looks, as editors do with their own files.


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda each: each.name)
    except FileNotFoundError:
        return []  # Removed while we walked.
    except OSError as error:
        raise CommandFailed(f"{folder} cannot be read: {error.strerror or error}") from error


def _read_ignores(folder: Path, base: str) -> Iterator[Ignore]:
    for name in _IGNORE_FILES:
        try:
            text = (folder / name).read_bytes()[:_IGNORE_BYTES_MAX].decode(errors="replace")
        except OSError:
            continue  # Not there, or not ours to read: git goes on too.
        yield Ignore.read(text, base=base)


def _check_size(files: tuple[Taken, ...]) -> None:
    total = sum(each.size for each in files)
    if total <= BUNDLE_BYTES_MAX:
        return
    largest = sorted(files, key=lambda each: -each.size)[:_LARGEST_SHOWN]
    shown = ", ".join(f"{each.path} ({each.size / 2**20:.0f} MB)" for each in largest)
    raise CommandFailed(
        f"the app holds {total / 2**20:.0f} MB; the most is {BUNDLE_BYTES_MAX / 2**20:.0f} MB. "
        f"The largest files: {shown}",
        code="too_large",
        hint="Name what the app does not need in .tapwaterignore. Packages belong into "
        "requirements.txt: they are built on the server, once.",
    )


def _few(paths: list[str]) -> str:
    rest = len(paths) - _LARGEST_SHOWN
    shown = ", ".join(paths[:_LARGEST_SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown
