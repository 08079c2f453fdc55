"""Reading request targets."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.gateway.errors import Refusal
from tapwater_server.gateway.target import read_absolute, read_target


@pytest.mark.parametrize(
    ("url", "path", "query", "segments"),
    [
        (b"/", "/", b"", None),
        (b"/a/b?c=d?e", "/a/b", b"c=d?e", None),
        (b"/caf%C3%A9", "/café", b"", None),
        (b"/a%2Fb/c", "/a/b/c", b"", ["a/b", "c"]),
        (b"/a%20b", "/a b", b"", None),
        (b"/a//b", "/a//b", b"", None),
        (b"/.well-known/x", "/.well-known/x", b"", None),
        (b"/a%2525", "/a%25", b"", None),
    ],
)
def test_what_is_read(url: bytes, path: str, query: bytes, segments: list[str] | None) -> None:
    target = read_target(url)
    assert (target.path, target.query, target.segments) == (path, query, segments)


@pytest.mark.parametrize(
    "url",
    [b"/a%", b"/a%2", b"/a%zz", b"/%00", b"/%ff", b"/a/../b", b"/./a", b"/a/%2E%2e", b"/a?b#c"],
)
def test_what_is_refused(url: bytes) -> None:
    with pytest.raises(Refusal):
        read_target(url)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_every_text_survives_being_quoted_once(text: str) -> None:
    if text in (".", ".."):
        return
    target = read_target(b"/" + quote(text, safe="").encode())
    assert target.path == "/" + text
    assert (target.segments is not None) == ("/" in text)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for url in (b"/" + raw, b"http://" + raw, raw):
        try:
            if url[:1] != b"/":
                _, url = read_absolute(url)
            path = read_target(url).path
        except Refusal:
            continue
        assert path.startswith("/")
        assert "/../" not in path + "/"
        assert "\0" not in path


@pytest.mark.parametrize("url", [b"ftp://a/b", b"a:80", b"http:///x", b"http://u@h/", b"x"])
def test_absolute_forms_that_are_none(url: bytes) -> None:
    with pytest.raises(Refusal):
        read_absolute(url)


def test_absolute_forms() -> None:
    assert read_absolute(b"http://a") == (b"a", b"/")
    assert read_absolute(b"http://a?b") == (b"a", b"/?b")
    assert read_absolute(b"HTTPS://a:1/b?c") == (b"a:1", b"/b?c")
