"""Addresses, and what an app may say about its users."""

import pytest

from tapwater_server.model.accounts import is_web_address, parse_accounts
from tapwater_server.model.address import parse_address
from tapwater_server.model.errors import Invalid


@pytest.mark.parametrize(
    ("text", "one_form"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  a.b+c@x.example ", "a.b+c@x.example"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("\uff41da@example.com", "ada@example.com"),
        ("a@localhost", "a@localhost"),
    ],
)
def test_addresses_have_one_form(text: str, one_form: str) -> None:
    assert parse_address(text) == one_form
    assert parse_address(one_form) == one_form


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "a@", "@b", "a b@c.example", "a@b c", "a..b@c.example", ".a@c.example"),
        *(
            "a@-b.example",
            "a@b..c",
            'a"b@c.example',
            "a@[127.0.0.1]",
            "a\n@b.example",
            "ä@b.example",
        ),
        *(
            "a" * 65 + "@b.example",
            "a@" + "b" * 64 + ".example",
            "a@" + "b." * 200 + "c",
            "\ud800@b",
        ),
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Invalid):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("https://shop.example/in?x=1", True),
        ("http://localhost:3000/", True),
        ("http://shop.localhost/", True),
        ("http://shop.example/", False),
        ("https://user:pw@shop.example/", False),
        ("https://shop.example/#x", False),
        ("javascript:alert(1)", False),
        ("https:///x", False),
        ("//shop.example/", False),
        ("https://[::1", False),
        ("https://a.example/\r\nx: y", False),
    ],
)
def test_addresses_of_pages(text: str, fine: bool) -> None:
    assert is_web_address(text) is fine


@pytest.mark.parametrize(
    "raw",
    [
        {"sign_up": "yes"},
        {"password_length_min": 4},
        {"password_length_min": True},
        {"url": "shop"},
        {"redirects": "https://a.example/"},
        {"redirects": ["http://a.example/"]},
        {"mail": {"welcome": {}}},
        {"mail": {"confirm": {"subject": "a\nb"}}},
        {"mail": {"confirm": {"body": "x"}}},
        {"oidc": {"Google": {"issuer": "https://a.example", "client_id": "x"}}},
        {"oidc": {"a": {"issuer": "http://a.example", "client_id": "x"}}},
        {"oidc": {"a": {"issuer": "https://a.example"}}},
        {"oidc": {"a": {"issuer": "https://a.example", "client_id": "x", "scopes": ["email"]}}},
        {"oidc": {"a": {"issuer": "https://a.example", "client_id": "x", "client_secret": "a b"}}},
        {"oidc": {"a": 7}},
        {"nothing": 1},
    ],
)
def test_what_cannot_be_meant(raw: dict[str, object]) -> None:
    _, complaints = parse_accounts(raw)
    assert len(complaints) == 1
    assert complaints[0].startswith("users.")
