"""A bundle is a tar.gz from a client we do not trust: checked whole, fingerprinted, unpacked.

It is read twice. ``inspect()`` writes nothing and refuses what is hostile; ``unpack()`` writes what
was inspected. Links are not kept: one to a file of the same bundle becomes a copy of it.
"""

import gzip
import hashlib
import io
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.model.limits import BUNDLE_BYTES_MAX, BUNDLE_FILES_MAX

PATH_BYTES_MAX = 1024
DEPTH_MAX = 64
NAME_BYTES_MAX = 255  # What file systems take.
_HEADER_BYTES_MAX = 64 << 10  # A pax header is read into memory whole.
_HEADERS_BYTES_MAX = 2048 * BUNDLE_FILES_MAX  # All of them together.
_GLOBAL_BYTES_MAX = 4096  # What holds for all files is looked through for each of them.
_OVERHEAD_BYTES_MAX = 4096 * BUNDLE_FILES_MAX  # Headers and padding.
_CHUNK = 256 << 10
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a bundle."""

    digest: str  # sha256 of its content
    size: int
    executable: bool
    link: str = ""  # the file it is a copy of


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a bundle, and its fingerprint: equal trees have equal ones."""

    files: Mapping[str, Entry]
    digest: str


class _Measured(io.RawIOBase):
    """Reads on until more came out than a bundle may hold: a bomb ends here."""

    def __init__(self, inner: BinaryIO, *, bytes_max: int) -> None:
        self._inner = inner
        self._left = bytes_max

    def read(self, size: int = -1) -> bytes:
        data = self._inner.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge(f"the bundle has more than {BUNDLE_BYTES_MAX >> 20} MiB in it")
        return data


class _Headers:
    """Counts the extended headers of one archive: each is parsed, and held, before its file."""

    def __init__(self) -> None:
        self._bytes = self._global_bytes = 0

    def check(self, member: tarfile.TarInfo) -> None:
        """Refuse a tar header before tarfile reads what it announces."""
        if member.size < 0:
            raise Invalid("the bundle has a file of less than no bytes")
        if member.type == tarfile.GNUTYPE_SPARSE:
            raise Invalid(f"the bundle has a sparse file: {member.name!r}")
        if member.type not in _EXTENDED:
            return
        self._bytes += member.size
        if member.type == tarfile.XGLTYPE:
            self._global_bytes += max(member.size, 512)
        if member.size > _HEADER_BYTES_MAX or self._bytes > _HEADERS_BYTES_MAX:
            raise Invalid("the bundle has an extended header of more than 64 KiB, or too many")
        if self._global_bytes > _GLOBAL_BYTES_MAX:
            raise Invalid("the bundle has a global header of more than 4 KiB")

    def members(self) -> type[tarfile.TarInfo]:
        """Give a class of members that are checked here."""
        check = self.check

        class Member(tarfile.TarInfo):
            @classmethod
            def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "Member":
                member = super().frombuf(buf, encoding, errors)
                check(member)
                return member

        return Member


def inspect(archive: BinaryIO) -> Contents:
    """Read a bundle through, and refuse it or say what is in it.

    Raises:
        Invalid: it is no tar.gz, or has something in it that has no place in one.
        TooLarge: more files or bytes than the ceilings.
    """
    files: dict[str, Entry] = {}
    links: dict[str, str] = {}
    folders: set[str] = set()
    for member, read in _members(archive):
        name = checked_name(member.name)
        if member.isdir():
            folders.add(name)
            continue
        if name in files or name in links:
            raise Invalid(f"the bundle has two files named {name!r}")
        if member.islnk() or member.issym():
            links[name] = _target(name, member)
        elif member.isreg() and not member.sparse:
            files[name] = Entry(
                digest=_digest(read), size=member.size, executable=bool(member.mode & 0o111)
            )
        else:
            raise Invalid(f"{name!r} is neither a file nor a folder: it cannot be deployed")
        if len(files) + len(links) > BUNDLE_FILES_MAX:
            raise TooLarge(f"the bundle has more than {BUNDLE_FILES_MAX} files")
    files = {**files, **_copies(files, links)}
    if sum(entry.size for entry in files.values()) > BUNDLE_BYTES_MAX:
        raise TooLarge(f"the bundle has more than {BUNDLE_BYTES_MAX >> 20} MiB in it")
    check_tree(files, folders)
    return Contents(files=files, digest=fingerprint(files))


def unpack(archive: BinaryIO, contents: Contents, into: Path) -> None:
    """Write the files of an inspected bundle below ``into``, an empty folder."""
    for member, read in _members(archive):
        name = posixpath.normpath(member.name)
        entry = contents.files.get(name)
        if not member.isreg() or entry is None:
            continue
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for chunk in read():
                file.write(chunk)
        path.chmod(0o755 if entry.executable else 0o644)
    for name, entry in contents.files.items():
        if entry.link:
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((into / entry.link).read_bytes())
            path.chmod(0o755 if entry.executable else 0o644)


def fingerprint(files: Mapping[str, Entry]) -> str:
    """Hash a tree: names, modes and contents, in the order of the names."""
    tree = hashlib.sha256(b"tapwater bundle 1\n")
    for name in sorted(files):
        entry = files[name]
        mode = "x" if entry.executable else "-"
        tree.update(f"{mode} {entry.digest} {len(name.encode())} {name}\n".encode())
    return tree.hexdigest()


def _members(
    archive: BinaryIO,
) -> Iterator[tuple[tarfile.TarInfo, Callable[[], Iterator[bytes]]]]:
    """Go through the archive; the second of a pair reads the member's content, once."""
    archive.seek(0)
    ceiling = BUNDLE_BYTES_MAX + _OVERHEAD_BYTES_MAX
    with _understood(), gzip.GzipFile(fileobj=archive, mode="rb") as plain:
        measured = cast(BinaryIO, _Measured(cast(BinaryIO, plain), bytes_max=ceiling))
        with tarfile.open(fileobj=measured, mode="r|", tarinfo=_Headers().members()) as tar:
            for count, member in enumerate(tar):
                if count > 2 * BUNDLE_FILES_MAX:
                    raise TooLarge("the bundle has too many entries")
                if member.size < 0:  # An extended header may say so too.
                    raise Invalid("the bundle has a file of less than no bytes")
                yield member, partial(_chunks, tar, member)
        while measured.read(_CHUNK):  # To the end: there is the checksum.
            pass


@contextmanager
def _understood() -> Iterator[None]:
    """What tarfile, gzip and the parsers in them raise about an archive that is none."""
    try:
        yield
    except (
        tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise Invalid(f"the bundle is not a whole tar.gz: {error}") from error


def _chunks(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = tar.extractfile(member)
    assert file is not None
    left = member.size
    while left:
        with _understood():
            chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise Invalid(f"the bundle ends in the middle of {member.name!r}")
        left -= len(chunk)
        yield chunk


def _digest(read: Callable[[], Iterator[bytes]]) -> str:
    digest = hashlib.sha256()
    for chunk in read():
        digest.update(chunk)
    return digest.hexdigest()


def checked_name(raw: str) -> str:
    """Check a member's name: relative, downwards, printable."""
    name = posixpath.normpath(raw)
    parts = raw.split("/")
    if raw.startswith("/") or ".." in parts or "\\" in raw:
        raise Invalid(f"{raw!r} leads out of the bundle")
    long = len(name.encode("utf-8", "replace")) > PATH_BYTES_MAX
    long = long or any(len(part.encode("utf-8", "replace")) > NAME_BYTES_MAX for part in parts)
    if long or not name.isprintable():
        raise Invalid(f"{raw[:80]!r} is not a name a file may have in a bundle")
    if len(parts) > DEPTH_MAX:
        raise Invalid(f"{raw[:80]!r} is more than {DEPTH_MAX} folders deep")
    return name


def _target(name: str, member: tarfile.TarInfo) -> str:
    """Say which file of the bundle a link names."""
    raw = member.linkname
    start = "" if member.islnk() else posixpath.dirname(name)
    target = posixpath.normpath(posixpath.join(start, raw))
    if raw.startswith("/") or target == ".." or target.startswith("../"):
        raise Invalid(f"the link {name!r} leads out of the bundle")
    return target


def _copies(files: Mapping[str, Entry], links: Mapping[str, str]) -> dict[str, Entry]:
    """Turn links into copies of the files they name."""
    copies = {}
    for name, target in links.items():
        for _ in range(8):  # A link may name a link, as shared libraries' do.
            target = links.get(target, target)
        entry = files.get(target)
        if entry is None:
            raise Invalid(f"the link {name!r} names {target!r}, which is no file of the bundle")
        copies[name] = Entry(
            digest=entry.digest, size=entry.size, executable=entry.executable, link=target
        )
    return copies


def check_tree(files: Mapping[str, Entry], folders: set[str]) -> None:
    """Refuse a name that is a file and a folder at once."""
    if "." in files:
        raise Invalid("the bundle has a file without a name")
    for name in files:
        if name in folders:
            raise Invalid(f"{name!r} is both a file and a folder in the bundle")
        parent = posixpath.dirname(name)
        while parent:
            if parent in files:
                raise Invalid(f"{parent!r} is both a file and a folder in the bundle")
            parent = posixpath.dirname(parent)
