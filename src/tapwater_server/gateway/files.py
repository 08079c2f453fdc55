"""The files of an app's ``public/`` folder: which one a path means, and whether it was seen before.

The folder belongs to a frozen revision, so what was found once is remembered. What is asked for
must lie inside the folder also after symbolic links are followed.
"""

import mimetypes
import os
from email.utils import formatdate, parsedate_to_datetime
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

FILES_REMEMBERED_MAX = 4096
_INDEX = "index.html"
_TYPES = mimetypes.MimeTypes(strict=True)  # The tables in Python's source, not the machine's.
for _suffix, _type in {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".woff2": "font/woff2",
    ".md": "text/markdown",
}.items():
    _TYPES.add_type(_type, _suffix)


class File(NamedTuple):
    """One file, as it is served."""

    path: str
    size: int
    etag: bytes
    modified_at: int
    modified: bytes
    content_type: bytes


class Span(NamedTuple):
    """Bytes ``start`` up to, not including, ``end``."""

    start: int
    end: int


class Files:
    """One revision's public files."""

    __slots__ = ("_found", "_root")

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._found: dict[str, File | None] = {}

    def find(self, path: str) -> File | None:
        """Find the file for a decoded path without dot segments; a folder means its index."""
        if path in self._found:
            return self._found[path]
        if len(self._found) >= FILES_REMEMBERED_MAX:
            self._found.clear()
        found = self._found[path] = self._look(path)
        return found

    def _look(self, path: str) -> File | None:
        segments = [segment for segment in path.split("/") if segment]
        if any(segment[0] == "." and segment != ".well-known" for segment in segments):
            return None  # .env, .git and their like are never meant to be read.
        try:
            real = os.path.realpath(os.path.join(self._root, *segments))
            if os.path.isdir(real):
                real = os.path.realpath(os.path.join(real, _INDEX))
            elif path.endswith("/"):
                return None
            inside = real.startswith(self._root + os.sep)
            return _describe(real) if inside and os.path.isfile(real) else None
        except (OSError, ValueError):
            return None  # A name longer than the file system allows.


def _describe(path: str) -> File:
    stat = os.stat(path)
    guessed, coding = _TYPES.guess_type(path)
    kind = guessed if guessed and not coding else "application/octet-stream"
    if kind.startswith("text/") or kind in ("application/json", "image/svg+xml"):
        kind += "; charset=utf-8"
    mark = blake2b(f"{stat.st_mtime_ns}:{stat.st_size}:{path}".encode(), digest_size=8).hexdigest()
    return File(
        path=path,
        size=stat.st_size,
        etag=b'"%b"' % mark.encode(),
        modified_at=int(stat.st_mtime),
        modified=formatdate(stat.st_mtime, usegmt=True).encode(),
        content_type=kind.encode(),
    )


def unchanged(file: File, seen: dict[bytes, bytes]) -> bool:
    """Say whether the client's copy is still good (RFC 9110, 13.2.2)."""
    tags = seen.get(b"if-none-match")
    if tags is not None:
        listed = {tag.strip().removeprefix(b"W/") for tag in tags.split(b",")}
        return b"*" in listed or file.etag in listed
    return _not_after(file, seen.get(b"if-modified-since", b""))


def asked_span(file: File, seen: dict[bytes, bytes]) -> Span | None:
    """Read a Range header; None: send it all.

    Raises:
        ValueError: there are no such bytes.
    """
    text = seen.get(b"range", b"").strip()
    if not text.startswith(b"bytes=") or b"," in text:
        return None  # Several ranges at once: the whole file is a fine answer.
    condition = seen.get(b"if-range")
    if condition is not None and condition != file.etag and condition != file.modified:
        return None
    first, dash, last = text.removeprefix(b"bytes=").partition(b"-")
    if not dash or not (first or last) or not (first + last).isdigit() or len(text) > 64:
        return None
    if not first:
        start, end = max(0, file.size - int(last)), file.size
    else:
        start, end = int(first), min(file.size, int(last) + 1 if last else file.size)
        if last and int(last) < start:
            return None
    if start >= file.size or start == end:
        raise ValueError("no such bytes")
    return Span(start, end)


def _not_after(file: File, date: bytes) -> bool:
    if not date:
        return False
    try:
        return file.modified_at <= parsedate_to_datetime(date.decode("ascii")).timestamp()
    except (ValueError, TypeError):
        return False
