"""Keys and kept answers: what is one, and that what is written is read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.errors import Invalid
from tapwater_server.model.invocation import Ending, Outcome, Usage
from tapwater_server.services.idempotency.answers import (
    KEPT_BYTES_MAX,
    KEPT_HEADERS_BYTES_MAX,
    KEY_BYTES_MAX,
    fits,
    is_kept,
    pack,
    read_key,
    unpack,
)


@pytest.mark.parametrize(
    "value", [b"", b'""', b"a\x00b", "schlüssel".encode(), b"k" * (KEY_BYTES_MAX + 1)]
)
def test_what_is_no_key(value: bytes) -> None:
    with pytest.raises(Invalid):
        read_key(value)


def test_a_key_is_the_same_quoted_or_bare() -> None:
    assert read_key(b' "a\\"b" ') == 'a"b'
    assert read_key(b"k" * KEY_BYTES_MAX) == "k" * KEY_BYTES_MAX


@given(
    digest=st.binary(min_size=32, max_size=32),
    status=st.integers(200, 499),
    headers=st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=5),
    body=st.binary(max_size=99),
)
def test_what_is_written_is_read(
    digest: bytes, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    kept = unpack(pack(digest=digest, status=status, headers=headers, body=body))
    assert (kept.digest, kept.status, kept.headers, kept.body) == (digest, status, headers, body)


@pytest.mark.parametrize(
    ("ending", "status", "kept"),
    [
        (Ending.OK, 200, True),
        (Ending.OK, 404, True),
        (Ending.OK, 429, False),
        (Ending.OK, 503, False),
        (Ending.USER_ERROR, 0, False),
        (Ending.CANCELLED, 200, False),
    ],
)
def test_which_answers_hold_for_repeats(ending: Ending, status: int, kept: bool) -> None:
    assert is_kept(Outcome(ending=ending, usage=Usage()), status) is kept


def test_the_ceilings_of_what_is_kept() -> None:
    assert fits([], KEPT_BYTES_MAX)
    assert not fits([], KEPT_BYTES_MAX + 1)
    assert not fits([(b"a", b"b" * KEPT_HEADERS_BYTES_MAX)], 0)
