"""Zip files from clients we do not trust, laid over each other: checked whole, then unpacked.

As with a bundle (``bundle.py``) they are read twice: ``inspect()`` writes nothing and refuses what
is hostile, ``unpack()`` writes what was inspected. Of two files of one name the later one counts.
"""

import hashlib
import io
import posixpath
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from tapwater_server.control.bundle import (
    PATH_BYTES_MAX,
    Entry,
    check_tree,
    checked_name,
    fingerprint,
)
from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.model.limits import BUNDLE_FILES_MAX

ZIPPED_BYTES_MAX = 250 << 20  # Of all that comes out: what Lambda allows.
_LISTING_BYTES_MAX = 6 << 20  # A zip's table of contents is read into memory whole.
_CHUNK = 256 << 10
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_LINKS_MAX = 8  # Links to links, as shared libraries' are.


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the content of a file is: in which archive, under which entry."""

    archive: int
    info: zipfile.ZipInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What comes out of the archives together, and its fingerprint."""

    files: Mapping[str, Entry]
    places: Mapping[str, Place]  # of those that are no links
    digest: str

    @property
    def size(self) -> int:
        """How many bytes that is."""
        return sum(entry.size for entry in self.files.values())


class _Bounded(io.RawIOBase):
    """A seekable file that gives no more at once than a table of contents may have."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _LISTING_BYTES_MAX:
            data = self._inner.read(_LISTING_BYTES_MAX + 1)
            if len(data) > _LISTING_BYTES_MAX:
                raise TooLarge("the zip file has too many entries")
            return data
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def seekable(self) -> bool:
        return True


def inspect(archives: Sequence[BinaryIO]) -> Contents:
    """Read the archives through, and refuse them or say what they have together.

    Raises:
        Invalid: one is no zip, or has something in it that has no place in one.
        TooLarge: more files or bytes than the ceilings.
    """
    places: dict[str, Place] = {}
    folders: set[str] = set()
    for index, archive in enumerate(archives):
        with _opened(archive) as zipped:
            for info in zipped.infolist():
                name = checked_name(info.filename)
                if info.is_dir():
                    folders.add(name)
                    continue
                _check_kind(info)
                places[name] = Place(archive=index, info=info)
        if len(places) > BUNDLE_FILES_MAX:
            raise TooLarge(f"more than {BUNDLE_FILES_MAX} files are in there")
    files = _digested(archives, places)
    check_tree(files, folders - set(places))
    return Contents(files=files, places=places, digest=fingerprint(files))


def unpack(archives: Sequence[BinaryIO], contents: Contents, into: Path) -> None:
    """Write the files of inspected archives below ``into``, an empty folder."""
    for index, archive in enumerate(archives):
        with _opened(archive) as zipped:
            for name, entry in contents.files.items():
                place = contents.places[entry.link or name]
                if place.archive == index:
                    _write(zipped, place.info, into / name, entry)


def _write(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for chunk in _chunks(zipped, info, bytes_max=entry.size):
            file.write(chunk)
    path.chmod(0o755 if entry.executable else 0o644)


def _digested(archives: Sequence[BinaryIO], places: Mapping[str, Place]) -> dict[str, Entry]:
    """Read what every file has in it; a link becomes a copy of the file it names."""
    files: dict[str, Entry] = {}
    links: dict[str, str] = {}
    left = ZIPPED_BYTES_MAX
    for index, archive in enumerate(archives):
        with _opened(archive) as zipped:
            for name, place in places.items():
                if place.archive != index:
                    continue
                if _is_link(place.info):
                    links[name] = _target(name, zipped, place.info)
                    continue
                entry = _entry(zipped, place.info, bytes_max=left)
                left -= entry.size
                files[name] = entry
    files.update({name: _copy(name, links, files) for name in links})
    if sum(entry.size for entry in files.values()) > ZIPPED_BYTES_MAX:
        raise _too_large()
    return files


def _entry(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, *, bytes_max: int) -> Entry:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(zipped, info, bytes_max=bytes_max):
        digest.update(chunk)
        size += len(chunk)
    executable = bool((info.external_attr >> 16) & 0o111)
    return Entry(digest=digest.hexdigest(), size=size, executable=executable)


def _copy(name: str, links: Mapping[str, str], files: Mapping[str, Entry]) -> Entry:
    target = links[name]
    for _ in range(_LINKS_MAX):
        target = links.get(target, target)
    entry = files.get(target)
    if entry is None or target in links:
        raise Invalid(f"the link {name!r} names {target!r}, which is no file in there")
    return Entry(digest=entry.digest, size=entry.size, executable=entry.executable, link=target)


def _target(name: str, zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    """Say which file a link names: its content is the way there."""
    said = b"".join(_chunks(zipped, info, bytes_max=PATH_BYTES_MAX)).decode("utf-8", "replace")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), said))
    if said.startswith("/") or target == ".." or target.startswith("../"):
        raise Invalid(f"the link {name!r} leads out of the zip file")
    return target


def _chunks(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, *, bytes_max: int) -> Iterator[bytes]:
    """Read one file to its end, where its checksum is looked at; a bomb ends earlier."""
    with _understood(), zipped.open(info) as file:
        while chunk := file.read(_CHUNK):
            bytes_max -= len(chunk)
            if bytes_max < 0:
                raise _too_large()
            yield chunk


def _check_kind(info: zipfile.ZipInfo) -> None:
    mode = info.external_attr >> 16
    if info.flag_bits & _ENCRYPTED:
        raise Invalid(f"{info.filename!r} is encrypted")
    if info.compress_type not in _METHODS:
        raise Invalid(f"{info.filename!r} is compressed in a way that is not known")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
        raise Invalid(f"{info.filename!r} is neither a file nor a folder")


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)


def _too_large() -> TooLarge:
    return TooLarge(f"unzipped, it must be smaller than {ZIPPED_BYTES_MAX} bytes")


@contextmanager
def _opened(archive: BinaryIO) -> Iterator[zipfile.ZipFile]:
    archive.seek(0)
    with _understood():
        zipped = zipfile.ZipFile(cast(IO[bytes], _Bounded(archive)))
    with zipped:
        yield zipped


@contextmanager
def _understood() -> Iterator[None]:
    """What zipfile and the parsers in it raise about an archive that is none."""
    try:
        yield
    except (
        zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError,
        NotImplementedError, RuntimeError, IndexError, KeyError,
    ) as error:  # fmt: skip
        raise Invalid(f"this is not a whole zip file: {error}") from error
