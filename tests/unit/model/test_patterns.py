"""Patterns: what fits, what their names stand for, what cannot be one."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.errors import Invalid
from tapwater_server.model.patterns import (
    document_pattern,
    filter_of,
    path_pattern,
    topic_pattern,
    words_pattern,
)

Params = Mapping[str, str] | None


@pytest.mark.parametrize(
    ("pattern", "subject", "found"),
    [
        ("users/{id}", "users/42", {"id": "42"}),
        ("users/{id}", "users/42/orders/1", None),
        ("users/{id}", "users/", None),
        ("users/{uid}/orders/{id}", "users/7/orders/9", {"uid": "7", "id": "9"}),
        ("users/*", "users/a.b", {}),
        ("users/**", "users/7/orders/9", {}),
        ("**", "users/7", {}),
        ("{kind}/admin", "users/admin", {"kind": "users"}),
        ("users/{id}", "users/a\nb", {"id": "a\nb"}),
    ],
)
def test_documents(pattern: str, subject: str, found: Params) -> None:
    assert document_pattern(pattern)(subject) == found


@pytest.mark.parametrize(
    ("pattern", "subject", "found"),
    [
        ("avatars/**", "avatars/7.png", {}),
        ("avatars/**", "avatars/2026/11/7.png", {}),
        ("avatars/**", "avatarsx/7.png", None),
        ("avatars/{user}/*.png", "avatars/ada/me.png", {"user": "ada"}),
        ("avatars/{user}/*.png", "avatars/ada/me.jpg", None),
        ("avatars/{user}/*.png", "avatars/ada/x/me.png", None),
        ("avatars/**/*.png", "avatars/me.png", {}),
        ("avatars/**/*.png", "avatars/a/b/me.png", {}),
        ("a/{name}.txt", "a/b.txt", {"name": "b"}),
        ("a/x.y", "a/xzy", None),
    ],
)
def test_blobs(pattern: str, subject: str, found: Params) -> None:
    assert path_pattern(pattern)(subject) == found


@pytest.mark.parametrize(
    ("pattern", "subject", "found"),
    [
        ("sensors/+/temperature", "sensors/3/temperature", {}),
        ("sensors/+/temperature", "sensors/3/4/temperature", None),
        ("sensors/{id}/temperature", "sensors/3/temperature", {"id": "3"}),
        ("sensors/#", "sensors/3/temperature", {}),
        ("sensors/#", "sensors", {}),
        ("sensors/#", "sensorsx", None),
        ("#", "anything/at/all", {}),
        ("#", "$SYS/load", None),
        ("+/load", "$SYS/load", None),
        ("$SYS/#", "$SYS/load", {}),
        ("/+", "/a", {}),
        ("+", "/a", None),
        ("a//b", "a//b", {}),
    ],
)
def test_topics(pattern: str, subject: str, found: Params) -> None:
    assert topic_pattern(pattern)(subject) == found


def test_words() -> None:
    assert words_pattern("shop.order.*")("shop.order.paid") == {}
    assert words_pattern("shop.order.*")("shop.orders") is None
    assert words_pattern("a.b")("axb") is None


@pytest.mark.parametrize(
    "wrong", ["", "/a", "a/", "a//b", "{", "a/{}", "a/{id", "{a}/{a}", "a" * 999]
)
def test_no_path_patterns(wrong: str) -> None:
    with pytest.raises(Invalid):
        path_pattern(wrong)


@pytest.mark.parametrize("wrong", ["users", "users/{id}/orders"])
def test_a_collection_is_no_document(wrong: str) -> None:
    with pytest.raises(Invalid, match=r"/\{id\}"):
        document_pattern(wrong)


@pytest.mark.parametrize("wrong", ["", "a/#/b", "a+", "a/b#", "{a}/{a}", "{}", "a/{b}c", "a\0"])
def test_no_topic_patterns(wrong: str) -> None:
    with pytest.raises(Invalid):
        topic_pattern(wrong)


def test_too_many_stars_are_slow() -> None:
    with pytest.raises(Invalid, match="stars"):
        path_pattern("*a*a*a*a*a*a")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(pattern: str, subject: str) -> None:
    for compile_pattern in (path_pattern, topic_pattern, words_pattern):
        try:
            match = compile_pattern(pattern)
        except Invalid:
            continue
        assert match(subject) is None or isinstance(match(subject), dict)


_PART = st.from_regex(r"[a-z0-9._-]{1,8}", fullmatch=True)


@given(st.lists(_PART, min_size=1, max_size=6))
def test_what_is_plain_fits_itself_and_nothing_longer(parts: list[str]) -> None:
    path = "/".join(parts)
    assert path_pattern(path)(path) == {}
    assert path_pattern(path)(path + "x") is None
    assert path_pattern("**")(path) == {}


@given(st.lists(_PART, min_size=2, max_size=5))
def test_each_segment_can_have_a_name(parts: list[str]) -> None:
    pattern = "/".join(f"{{p{index}}}" for index in range(len(parts)))
    wanted = {f"p{index}": part for index, part in enumerate(parts)}
    assert path_pattern(pattern)("/".join(parts)) == wanted
    assert topic_pattern(pattern)("/".join(parts)) == wanted
    assert filter_of(pattern) == "/".join("+" for _ in parts)
