"""Forms: what was sent arrives, however it is cut; what is no form is refused."""

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater import File, Problem
from tapwater.runtime import multipart
from tapwater.runtime.multipart import FormParser


@contextlib.contextmanager
def allowed(statuses: tuple[int, ...]) -> Iterator[None]:
    """Go on if a Problem has one of these."""
    try:
        yield
    except Problem as problem:
        if problem.status not in statuses:
            raise


_KIND = "multipart/form-data; boundary=xYzZY"
_NAMES = st.text("abcABC019_-[]", min_size=1, max_size=10)


def _part(name: str, data: bytes, filename: str | None = None) -> bytes:
    more = f'; filename="{filename}"' if filename is not None else ""
    head = f'--xYzZY\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + data + b"\r\n"


_END = b"--xYzZY--\r\n"


def _parse(*pieces: bytes, kind: str = _KIND) -> multipart.FormFields:
    parser = FormParser(kind)
    for piece in pieces:
        parser.feed(piece)
    return parser.finish()


@given(
    st.lists(st.tuples(_NAMES, st.binary(max_size=200), st.booleans()), max_size=6),
    st.data(),
)
def test_fields_and_files_arrive_however_they_are_cut(
    parts: list[tuple[str, bytes, bool]], data: st.DataObject
) -> None:
    parts = [
        (name, content.replace(b"\r\n--xYzZY", b"") if is_file else content.hex().encode(), is_file)
        for name, content, is_file in parts
    ]
    body = b"".join(_part(name, c, "f" if is_file else None) for name, c, is_file in parts) + _END
    pieces = []
    while body:
        size = data.draw(st.integers(1, min(40, len(body))))
        pieces.append(body[:size])
        body = body[size:]
    came = _parse(*pieces)
    expected: dict[str, list[bytes]] = {}
    for name, content, _ in parts:
        expected.setdefault(name, []).append(content)
    assert {
        name: [one.read() if isinstance(one, File) else one.encode() for one in values]
        for name, values in came.items()
    } == expected


@given(st.binary(max_size=300), st.sampled_from([_KIND, "application/x-www-form-urlencoded"]))
def test_any_bytes_are_a_form_or_refused(data: bytes, kind: str) -> None:
    with allowed((413, 422)):
        _parse(data, kind=kind)


@given(st.text(max_size=60))
def test_any_content_type_is_known_or_refused(kind: str) -> None:
    with allowed((415, 422)):
        FormParser(kind)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_within_a_part_are_read_or_refused(lines: list[bytes]) -> None:
    body = b"--xYzZY\r\n" + b"\r\n".join(lines) + b"\r\n\r\nx\r\n" + _END
    with allowed((413, 422)):
        _parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--xYzZY",
        b"--xYzZY\r\n",
        _part("a", b"x"),
        b"--xYzZY\r\nno header\r\n\r\nx\r\n" + _END,
        b'--xYzZY\r\ncontent-disposition: attachment; name="a"\r\n\r\nx\r\n' + _END,
        b"--xYzZY\r\ncontent-disposition: form-data\r\n\r\nx\r\n" + _END,
        b'--xYzZY\r\ncontent-disposition : form-data; name="a"\r\n\r\nx\r\n' + _END,
        b'--xYzZYx\r\ncontent-disposition: form-data; name="a"\r\n\r\nx\r\n' + _END,
        _part("a", b"\xff") + _END,
        _part("a" * 10_000, b"") + _END,
        b"preamble " * 2000 + _END,
    ],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        _parse(body)
    assert caught.value.status == 422


def test_ceilings_hold() -> None:
    with pytest.raises(Problem) as caught:
        _parse(_part("a", b"x" * (multipart.FIELD_BYTES_MAX + 1)) + _END)
    assert caught.value.status == 413
    with pytest.raises(Problem):
        _parse(_part("a", b"") * (multipart.PARTS_MAX + 1) + _END)
    with pytest.raises(Problem) as caught:
        _parse(b"a" * (multipart.FIELD_BYTES_MAX + 1), kind="application/x-www-form-urlencoded")
    assert caught.value.status == 413
    with pytest.raises(Problem):
        _parse(b"a&" * multipart.PARTS_MAX, kind="application/x-www-form-urlencoded")


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\x\\passwd", "/etc/passwd"])
def test_filename_has_no_folders(name: str) -> None:
    (file,) = _parse(_part("f", b"", name.replace("\\", "\\\\")) + _END)["f"]
    assert isinstance(file, File)
    assert file.name == "passwd"


def test_file_can_be_saved(tmp_path: object) -> None:
    (file,) = _parse(_part("f", b"content", "a.txt") + _END)["f"]
    assert isinstance(file, File)
    file.read(3)
    file.save(f"{tmp_path}/saved")
    with open(f"{tmp_path}/saved", "rb") as saved:
        assert saved.read() == b"content"
    file.close()


def test_urlencoded_form() -> None:
    came = _parse(b"a=1&b=x+y&a=%C3%A9", kind="application/x-www-form-urlencoded")
    assert came == {"a": ["1", "é"], "b": ["x y"]}
