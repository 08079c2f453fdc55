"""Moves bytes between files here and blobs there, with a bar where a person watches."""

import mimetypes
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session

_READ_BYTES = 512 << 10
_BAR_BYTES_MIN = 4 << 20  # Less is over before a bar is read.


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a blob is, or is to be."""

    app: str
    bucket: str
    key: str

    @property
    def url(self) -> str:
        return path_of("apps", self.app, "blobs", self.bucket, self.key)

    @property
    def path(self) -> str:
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What is sent along with a file's content."""

    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = ""


class Advance(Protocol):
    """Is told how many bytes more have moved."""

    def __call__(self, count: int) -> None: ...


async def send_file(
    session: Session, client: Client, file: Path | None, to: Place, sending: Sending
) -> Any:
    """Send a file, or what comes from stdin (None), as a blob; give its facts."""
    size = _size(file)
    kind = sending.content_type or mimetypes.guess_type(to.key)[0] or "application/octet-stream"
    headers = {"content-type": kind, **sending.headers}
    if size is not None:
        headers["content-length"] = str(size)
    with _opened(file) as source, _bar(session, to.path, size) as advance:
        content = _read(source, advance, size)
        async with client.transfer("PUT", to.url, content=content, headers=headers) as answer:
            await answer.aread()
            return answer.json()


async def fetch_file(
    session: Session, client: Client, source: Place, file: Path | None, *, version: str
) -> int:
    """Fetch a blob into a file, or to stdout (None). A file is there whole or not at all."""
    query = {"version": version or None}
    as_it_is = {"accept-encoding": "identity"}
    async with client.transfer("GET", source.url, query=query, headers=as_it_is) as answer:
        length = answer.headers.get("content-length", "")
        size = int(length) if length.isdigit() else None
        with _bar(session, source.path, size) as advance, _target(file) as target:
            count = 0
            async for part in answer.aiter_raw(_READ_BYTES):
                target.write(part)
                count += len(part)
                advance(len(part))
        return count


def _size(file: Path | None) -> int | None:
    return file.stat().st_size if file is not None else None


@contextmanager
def _opened(file: Path | None) -> Iterator[IO[bytes]]:
    if file is None:
        yield sys.stdin.buffer
        return
    try:
        source = file.open("rb")
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}", exit=Exit.USAGE) from error
    with source:
        yield source


@contextmanager
def _target(file: Path | None) -> Iterator[IO[bytes]]:
    """Write beside the place, then rename into it."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    making = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with making.open("wb") as target:
            yield target
        making.replace(file)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from error
    finally:
        making.unlink(missing_ok=True)


async def _read(source: IO[bytes], advance: Advance, size: int | None) -> AsyncIterator[bytes]:
    """Read what was announced: a log that somebody writes to is longer by now."""
    left = size
    while data := source.read(_READ_BYTES if left is None else min(_READ_BYTES, left)):
        if left is not None:
            left -= len(data)
        yield data
        advance(len(data))
    if left:
        raise CommandFailed(f"the file became {left} bytes shorter while it was read")


@contextmanager
def _bar(session: Session, name: str, size: int | None) -> Iterator[Advance]:
    """Show how far it is, on stderr, if it takes long enough and somebody watches."""
    if session.json or not session.err.is_terminal or (size or _BAR_BYTES_MIN) < _BAR_BYTES_MIN:
        yield lambda count: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=session.err, transient=True) as progress:
        task = progress.add_task(name, total=size)
        yield lambda count: progress.advance(task, count)
