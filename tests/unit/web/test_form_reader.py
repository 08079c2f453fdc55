"""Forms as browsers send them, cut anywhere, and forms as nobody should send them."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.errors import Invalid, TapwaterError, TooLarge
from tapwater_server.web.form_reader import read_form

TYPE = "multipart/form-data; boundary=----WebKitFormBoundary7MA"
MARK = b"------WebKitFormBoundary7MA"


def form(content: bytes, *, key: str = "a", filename: str = "p.png") -> bytes:
    return b"\r\n".join(
        [
            MARK,
            b'Content-Disposition: form-data; name="key"',
            b"",
            key.encode(),
            MARK,
            b'Content-Disposition: form-data; name="file"; filename="' + filename.encode() + b'"',
            b"Content-Type: image/png",
            b"",
            content,
            MARK + b"--",
            b"",
        ]
    )


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@given(
    content=st.binary(max_size=300) | st.just(b"\r\n" + MARK[:-1]) | st.just(b"\r\n--"),
    size=st.integers(1, 200),
    key=st.text(max_size=5),
)
async def test_the_file_comes_as_it_was_sent(content: bytes, size: int, key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError:
        return
    read = await read_form(TYPE, cut(form(content, key=key), size))
    assert (read.fields, read.filename, read.content_type) == ({"key": key}, "p.png", "image/png")
    assert b"".join([part async for part in read.chunks]) == content


@given(data=st.binary(max_size=200), size=st.integers(1, 50))
async def test_anything_else_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(TapwaterError):
        await read_form(TYPE, cut(data, size))


async def test_a_form_cut_off_is_refused() -> None:
    read = await read_form(TYPE, cut(form(b"content")[:-40], 10))
    with pytest.raises(Invalid):
        _ = [part async for part in read.chunks]


async def test_a_form_without_a_file_is_refused() -> None:
    empty = (
        MARK + b'\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' + MARK + b"--\r\n\r\n"
    )
    for data in (empty, MARK + b"--\r\n\r\n\r\n"):
        with pytest.raises(Invalid):
            await read_form(TYPE, cut(data, 10))
    with pytest.raises(Invalid):
        await read_form("text/plain", cut(form(b"x"), 10))


async def test_fields_have_ceilings() -> None:
    with pytest.raises(TooLarge):
        await read_form(TYPE, cut(form(b"x", key="k" * 100_000), 1_000))
    with pytest.raises(TooLarge):
        await read_form(TYPE, cut(MARK + b"x" * 100_000, 1_000))
    field = MARK + b'\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    with pytest.raises(Invalid, match="fields"):
        await read_form(TYPE, cut(field * 60 + form(b"x"), 1_000))
