"""A bundle from a client: what is taken, what is refused, what it is called."""

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.control import bundle
from tapwater_server.model.errors import Invalid, TapwaterError, TooLarge


def packed(members: Sequence[tuple[tarfile.TarInfo, bytes]], *, level: int = 1) -> io.BytesIO:
    out = io.BytesIO()
    zipped = gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=level)
    with zipped as plain, tarfile.open(fileobj=plain, mode="w") as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    out.seek(0)
    return out


def file(name: str, data: bytes = b"x", *, mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    return member, data


def other(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    archive = packed(
        [
            other("lib", tarfile.DIRTYPE),
            file("./lib/a.py", b"a = 1"),
            file("bin/run", b"#!", mode=0o700),
            other("lib/b.py", tarfile.SYMTYPE, "a.py"),
            other("lib/c.py", tarfile.SYMTYPE, "b.py"),
            other("d.py", tarfile.LNKTYPE, "lib/a.py"),
        ]
    )
    contents = bundle.inspect(archive)
    bundle.unpack(archive, contents, tmp_path)
    found = {
        path.relative_to(tmp_path).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert found == {
        "lib/a.py": (b"a = 1", 0o644),
        "lib/b.py": (b"a = 1", 0o644),
        "lib/c.py": (b"a = 1", 0o644),
        "d.py": (b"a = 1", 0o644),
        "bin/run": (b"#!", 0o755),
    }
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_equal_trees_have_equal_names() -> None:
    a, b = file("a.py", b"a"), file("b.py", b"b")
    one = bundle.inspect(packed([a, b], level=1)).digest
    later = file("a.py", b"a")
    later[0].mtime = 12345
    later[0].uid = 7
    assert (
        bundle.inspect(packed([b, other("empty", tarfile.DIRTYPE), later], level=9)).digest == one
    )
    assert bundle.inspect(packed([a, file("b.py", b"c")])).digest != one
    assert bundle.inspect(packed([a, file("b.py", b"b", mode=0o755)])).digest != one
    assert bundle.inspect(packed([a, file("c.py", b"b")])).digest != one


@pytest.mark.parametrize(
    "member",
    [
        file("/etc/passwd"),
        file("../up.py"),
        file("a/../../up.py"),
        file("a/./../b.py"),
        file("a\\b.py"),
        file("line\nbreak.py"),
        file("nul\x01.py"),
        file("x/" * 70 + "deep.py"),
        other("link", tarfile.SYMTYPE, "/etc/passwd"),
        other("link", tarfile.SYMTYPE, "../outside"),
        other("a/link", tarfile.SYMTYPE, "../../outside"),
        other("link", tarfile.SYMTYPE, "nothing"),
        other("link", tarfile.SYMTYPE, "link"),
        other("link", tarfile.LNKTYPE, "/etc/passwd"),
        other("dev", tarfile.CHRTYPE),
        other("dev", tarfile.BLKTYPE),
        other("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda member: member[0].name[:20] + ":" + member[0].linkname[:20],
)
def test_what_has_no_place_is_refused(member: tuple[tarfile.TarInfo, bytes]) -> None:
    with pytest.raises(Invalid):
        bundle.inspect(packed([file("ok.py"), member]))


@pytest.mark.parametrize(
    "members",
    [
        [file("a.py"), file("a.py")],
        [file("a"), file("a/b.py")],
        [file("a/b.py"), file("a")],
        [other("a", tarfile.DIRTYPE), file("a")],
        [other("dir", tarfile.SYMTYPE, "sub"), file("sub/x.py")],
        [other("dir", tarfile.SYMTYPE, "sub"), file("dir/x.py"), file("sub/x.py")],
    ],
)
def test_a_name_is_one_thing(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with pytest.raises(Invalid):
        bundle.inspect(packed(members))


def test_too_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "BUNDLE_FILES_MAX", 10)
    with pytest.raises(TooLarge):
        bundle.inspect(packed([file(f"{n}.py") for n in range(11)]))
    with pytest.raises(TooLarge):
        bundle.inspect(packed([other(f"{n}", tarfile.DIRTYPE) for n in range(25)]))


def test_a_bomb_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "BUNDLE_BYTES_MAX", 1 << 20)
    monkeypatch.setattr(bundle, "_OVERHEAD_BYTES_MAX", 1 << 20)
    with pytest.raises(TooLarge):
        bundle.inspect(packed([file("zeros", bytes(8 << 20))], level=9))


def test_copies_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "BUNDLE_BYTES_MAX", 1 << 20)
    links = [other(f"l{n}", tarfile.LNKTYPE, "big") for n in range(20)]
    with pytest.raises(TooLarge):
        bundle.inspect(packed([file("big", bytes(100_000)), *links]))


def test_a_huge_extended_header_is_not_read() -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 1 << 40
    raw = gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(Invalid, match="extended header"):
        bundle.inspect(io.BytesIO(raw))


def test_a_sparse_file_is_refused() -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.GNUTYPE_SPARSE, 10
    with pytest.raises(Invalid, match="sparse"):
        bundle.inspect(io.BytesIO(gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))))


def test_a_cut_bundle_is_refused() -> None:
    whole = packed([file("a.py", bytes(range(256)) * 100)]).getvalue()
    for size in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        with pytest.raises(Invalid):
            bundle.inspect(io.BytesIO(whole[:size]))


@given(st.binary(max_size=2000))
def test_rubbish_is_refused_with_an_error_of_ours(data: bytes) -> None:
    for raw in (data, gzip.compress(data)):
        try:
            contents = bundle.inspect(io.BytesIO(raw))
        except TapwaterError:
            continue
        assert len(contents.digest) == 64


def raw(name: bytes, size: int = 0, *, kind: bytes = b"0", size_field: bytes = b"") -> bytes:
    """A tar header as nobody's library would write it."""
    head = bytearray(512)
    head[: len(name)] = name
    head[100:124] = b"0000644\0" + b"0000000\0" * 2
    head[124:136] = size_field or b"%011o\0" % size
    head[136:156] = b"00000000000\0" + b" " * 8
    head[156:157] = kind
    head[257:265] = b"ustar\x0000"
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def extended(*pairs: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """A pax header."""
    text = b""
    for key, value in pairs:
        size = len(key) + len(value) + 3
        size += len(b"%d" % (size + len(b"%d" % size)))
        text += b"%d %b=%b\n" % (size, key, value)
    return raw(b"pax", len(text), kind=kind) + text + bytes(-len(text) % 512)


SPARSE = ((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"))
HOSTILE = {
    "a sparse map of no numbers": extended((b"GNU.sparse.map", b"x"), (b"GNU.sparse.size", b"1")),
    "a sparse size of no number": extended(*SPARSE, (b"GNU.sparse.realsize", b"x")),
    "a sparse map of rubbish": extended(*SPARSE, (b"GNU.sparse.realsize", b"9")) + raw(b"a", 512),
    "a negative size": raw(b"a.py", size_field=b"\xff" * 11 + b"\0"),
    "a negative extended size": extended((b"size", b"-5")),
    "a size of no machine": extended((b"size", b"-" + b"9" * 30)),
    "headers of headers": extended((b"comment", b"x")) * 5000,
    "long names of long names": (raw(b"././@LongLink", 4, kind=b"L") + b"abc\0".ljust(512)) * 5000,
    "much that holds for all": extended((b"k", b"v" * 30_000), kind=b"g"),
    "often that holds for all": extended((b"k", b"v"), kind=b"g") * 50,
    "a file named as its folder": raw(b"."),
    "a file without a name": raw(b""),
    "a name too long for a disk": extended((b"path", b"a" * 300 + b".py")),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_bundle_made_by_hand_is_refused_and_not_a_surprise(what: str) -> None:
    """Each of these ended in an error of ours, or kept the processor busy for minutes."""
    archive = gzip.compress(HOSTILE[what] + raw(b"z.py") + bytes(1024))
    with pytest.raises(Invalid):
        bundle.inspect(io.BytesIO(archive))


@given(st.data())
def test_a_bundle_broken_anywhere_is_refused_or_read(data: st.DataObject) -> None:
    whole = bytearray(packed([file(f"{n}.py", b"x" * 2000) for n in range(3)]).getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        bundle.inspect(io.BytesIO(bytes(whole[: data.draw(st.integers(1, len(whole)))])))
    except TapwaterError:
        return
