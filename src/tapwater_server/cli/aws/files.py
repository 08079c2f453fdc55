"""Which files of a folder go into a function's package, and a zip that is always the same bytes."""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.ignoring import SECRETS, Ignore, is_ignored

FILES_MAX = 50_000
UNPACKED_BYTES_MAX = 250 << 20  # As Lambda has it, layers included.
IGNORE_FILE = ".tapwaterignore"
# Less than of an app of ours: node_modules and what a build made belong in. A .gitignore says what
# is not to be kept, which is not what is not to be deployed; SAM does not heed it either.
DEFAULTS = """
.git/
.hg/
.svn/
.venv/
venv/
__pycache__/
*.py[cod]
.aws-sam/
.serverless/
.chalice/
.tapwater/
.mypy_cache/
.ruff_cache/
.pytest_cache/
.idea/
.vscode/
.DS_Store
.gitignore
.tapwaterignore
samconfig.toml
"""
_IGNORE_BYTES_MAX = 1 << 20
_WHEN = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Zipped:
    """A package on disk, and the name of its content."""

    file: Path
    digest: str
    size: int


def files_of(folder: Path, *, patterns: tuple[str, ...] = ()) -> dict[str, Path]:
    """Find what belongs into the package of ``folder``: files by their path in it.

    ``patterns`` are those of serverless.yml: ``!tests/**`` leaves out, the later one wins.

    Raises:
        CommandFailed: there are too many.
    """
    ignores = [Ignore.read(DEFAULTS), Ignore.read(SECRETS), *_own(folder), *_patterns(patterns)]
    found: dict[str, Path] = {}
    for path, file in _walk(folder, "", ignores, ()):
        found[path] = file
        if len(found) > FILES_MAX:
            raise CommandFailed(
                f"{folder} holds more than {FILES_MAX:,} files",
                code="too_large",
                hint=f"Name folders it does not need in {IGNORE_FILE}.",
            )
    return found


def _own(folder: Path) -> Iterator[Ignore]:
    try:
        raw = (folder / IGNORE_FILE).read_bytes()[:_IGNORE_BYTES_MAX]
    except OSError:
        return  # There need not be one.
    yield Ignore.read(raw.decode(errors="replace"))


def _patterns(patterns: tuple[str, ...]) -> Iterator[Ignore]:
    """Turn them round: what they leave out is what an ignore file names."""
    turned = (p[1:] if p.startswith("!") else f"!{p}" for p in patterns)
    lines = "\n".join(f"/{p}" if p[:1] not in "!/" else p.replace("!", "!/", 1) for p in turned)
    if lines:
        yield Ignore.read(lines)


def _walk(
    folder: Path, base: str, ignores: list[Ignore], above: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    here = (folder / base).resolve()
    if here in above:
        return  # A link that leads back to where it stands.
    try:
        entries = sorted(os.scandir(folder / base), key=lambda one: one.name)
    except OSError as error:
        raise CommandFailed(f"{folder / base} cannot be read: {error.strerror}") from error
    for entry in entries:
        path = base + entry.name
        if is_ignored(path, folder=entry.is_dir(), ignores=ignores):
            continue
        if entry.is_dir():  # Through links too: npm makes some of its own packages so.
            yield from _walk(folder, f"{path}/", ignores, (*above, here))
        elif entry.is_file():
            yield path, Path(entry.path)


def zip_files(files: Mapping[str, Path], to: Path) -> Zipped:
    """Pack files by their paths.

    Raises:
        CommandFailed: one cannot be read, or all are more than a function may have.
    """
    total = sum(file.stat().st_size for file in files.values())
    if total > UNPACKED_BYTES_MAX:
        raise CommandFailed(
            f"a package of {total >> 20} MB; the most is {UNPACKED_BYTES_MAX >> 20} MB",
            code="too_large",
            hint=f"Name what it does not need in {IGNORE_FILE}.",
        )
    made = tempfile.NamedTemporaryFile(dir=to, suffix=".zip", delete=False)  # noqa: SIM115
    with made as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as out:
        for path in sorted(files):
            _add(out, path, files[path])
    return zipped(Path(made.name))


def zipped(file: Path) -> Zipped:
    """Look at a file that is packed already."""
    with file.open("rb") as raw:
        digest = hashlib.file_digest(raw, "sha256").hexdigest()
    return Zipped(file=file, digest=digest, size=file.stat().st_size)


def _add(out: zipfile.ZipFile, path: str, file: Path) -> None:
    info = zipfile.ZipInfo(path, _WHEN)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = _UNIX
    try:
        executable = os.access(file, os.X_OK)
        info.external_attr = (0o100755 if executable else 0o100644) << 16
        with file.open("rb") as source, out.open(info, "w") as target:
            _copy(source, target)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror or error}") from error


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while part := source.read(1 << 20):
        target.write(part)


def below(prefix: str, files: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Move files into a folder of the package.

    >>> below("python/", [("a.py", Path("a.py"))])
    {'python/a.py': PosixPath('a.py')}
    """
    return {prefix + path: file for path, file in files}
