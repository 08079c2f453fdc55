"""What is hidden of what is written down, and what is not."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.masking import (
    MASK,
    VALUE_LENGTH_MIN,
    mask_fields,
    mask_headers,
    mask_json,
    mask_query,
    mask_text,
    mask_value,
    names_secret,
    written_forms,
)

SECRET = "pä§s w0rd/with+signs"
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n"


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=6, max_size=40),
    st.text(max_size=20),
)
def test_a_value_is_found_in_every_usual_form(value: str, around: str) -> None:
    value = value.strip()
    if len(value) < VALUE_LENGTH_MIN or MASK[0] in value:
        return
    forms = written_forms([value])
    for written in (
        value,
        json.dumps(value),
        json.dumps(value, ensure_ascii=False),
        quote(value),
        quote_plus(value),
        quote(value, safe=""),
    ):
        assert value not in mask_text(f"{around} {written} {around}", forms).replace(around, "")


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", ":x", "yz"])
def test_base64_is_found_wherever_it_begins(before: str, after: str) -> None:
    coded = base64.b64encode((before + SECRET + after).encode()).decode()
    masked = mask_text(f"header {coded} end", written_forms([SECRET]))
    assert MASK in masked
    # At most the characters at the edges are left, which neighbours share.
    assert (
        len(masked.replace(MASK, "")) <= len("header  end") + 8 + len(before) * 2 + len(after) * 2
    )


def test_lines_of_a_key_are_hidden_one_by_one() -> None:
    forms = written_forms([PEM])
    assert mask_text("MIIEvQIBADANBgkqhkiG9w0B", forms) == MASK
    assert mask_text("-----BEGIN KEY-----", forms) == "-----BEGIN KEY-----"
    assert "MIIE" not in mask_text(f"the key is {PEM!r}", forms)


def test_short_values_are_not_looked_for() -> None:
    assert written_forms(["abc", "12345", "      "]) == ()
    assert mask_text("abc 12345", written_forms(["abc", "12345"])) == "abc 12345"


def test_the_longest_goes_first() -> None:
    forms = written_forms(["secret", "secret-and-more"])
    assert mask_text("it is secret-and-more", forms) == f"it is {MASK}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abcdefgh", "Authorization: •••"),
        ("sent Bearer abc.def-ghi~123 there", "sent Bearer ••• there"),
        ("https://x/?token=abc&page=2", "https://x/?token=•••&page=2"),
        ('{"password": "a b c", "n": 1}', '{"password": •••, "n": 1}'),
        ("DB_PASSWORD=hunter2 started", "DB_PASSWORD=••• started"),
        ("Cookie: session=1; theme=2", "Cookie: •••"),
        # What says no secret stays as it is.
        ("SyntaxError: unexpected token: }", "SyntaxError: unexpected token: }"),
        ("the token has expired", "the token has expired"),
        ("KeyError: 'secret'", "KeyError: 'secret'"),
        ("key=7 monkey=8", "key=7 monkey=8"),
    ],
)
def test_what_is_spelled_like_a_credential(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("newPassword", True),
        ("PASSWORD_HASH", True),
        ("x-api-key", True),
        ("accessKeyId", True),
        ("stripe_secret", True),
        ("sessionId", True),
        ("Set-Cookie", True),
        ("total_tokens", False),
        ("token_count", False),
        ("key", False),
        ("author", False),
        ("secretary", False),
        ("", False),
        ("x" * 10_000, False),
    ],
)
def test_names(name: str, secret: bool) -> None:
    assert names_secret(name) is secret


def test_json_is_masked_by_member_at_any_depth() -> None:
    body = {"user": {"password": "a", "tags": [{"token": "b"}], "secret": None, "otp": False}}
    masked = {"user": {"password": MASK, "tags": [{"token": MASK}], "secret": None, "otp": False}}
    assert json.loads(mask_json(json.dumps(body).encode())) == masked
    deep: object = "x"
    for _ in range(100):
        deep = {"a": deep}
    assert MASK in json.dumps(mask_value(deep), ensure_ascii=False)


def test_a_body_without_secrets_stays_byte_for_byte() -> None:
    for body in (b'{ "a" : 1 }', b"\xff\x00\xfe", b"", b"[" * 100_000, b'"\\ud800"'):
        assert mask_json(body) == body
    forms = written_forms(["hunter22"])
    assert mask_json(b"\xffhunter22\x00", forms) == b"\xff" + MASK.encode() + b"\x00"


def test_fields_names_may_be_secret_too() -> None:
    assert mask_fields({"a hunter22": 1}, written_forms(["hunter22"])) == {f"a {MASK}": 1}


def test_headers_and_queries() -> None:
    headers = [
        (b"authorization", b"Bearer abc"),
        (b"proxy-authorization", b"xyz"),
        (b"x-api-key", b"1"),
        (b"cookie", b"a=1;b=2"),
        (b"set-cookie", b"a=1; Path=/; HttpOnly"),
        (b"accept", b"*/*"),
    ]
    mask = MASK.encode()
    assert [value for _, value in mask_headers(headers)] == [
        b"Bearer " + mask,
        mask,
        mask,
        b"a=" + mask + b"; b=" + mask,
        b"a=" + mask + b"; Path=/; HttpOnly",
        b"*/*",
    ]
    assert mask_query(b"code=1&access_token=2&x") == b"code=1&access_token=" + mask + b"&x"
