"""When a cookie counts, and how it is set."""

from typing import Any

import pytest

from tapwater_server.web.browsing import cookie, cookie_name, is_ours, secret_of
from tapwater_server.web.scope import DOOR

OURS = {"x-tapwater": "dashboard", "host": "tapwater.localhost:8080"}
WITH = {**OURS, "cookie": "other=1; tapwater-8080=secret; more=2"}


def scope(*, app: str = "", scheme: str = "http", kind: str = "http") -> dict[str, Any]:
    return {"type": kind, "scheme": scheme, DOOR: {"app": app}}


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        (OURS, True),
        ({"host": "a"}, False),
        ({**OURS, "x-tapwater": "another"}, False),
        ({**OURS, "sec-fetch-site": "same-origin"}, True),
        ({**OURS, "sec-fetch-site": "same-site"}, False),
        ({**OURS, "sec-fetch-site": "cross-site"}, False),
        ({**OURS, "sec-fetch-site": "none"}, False),
        ({**OURS, "origin": "http://tapwater.localhost:8080"}, True),
        ({**OURS, "origin": "http://tapwater.localhost:8081"}, False),
        ({**OURS, "origin": "http://shop.localhost:8080"}, False),
        ({**OURS, "origin": "null"}, False),
    ],
)
def test_only_our_own_page_is_ours(headers: dict[str, str], ours: bool) -> None:
    assert is_ours(headers) is ours


def test_a_cookie_counts_with_the_header_only() -> None:
    assert secret_of(scope(), WITH, shared=False) == "secret"
    without = {name: value for name, value in WITH.items() if name != "x-tapwater"}
    assert secret_of(scope(), without, shared=False) is None
    assert secret_of(scope(), {**WITH, "cookie": "a=1"}, shared=False) is None
    assert (
        secret_of(scope(), {**WITH, "cookie": "tapwater-8080=" + "x" * 200}, shared=False) is None
    )
    assert secret_of(scope(kind="websocket"), WITH, shared=False) is None


def test_where_an_app_answers_none_counts_unless_that_was_accepted() -> None:
    assert secret_of(scope(app="shop"), WITH, shared=False) is None
    assert secret_of(scope(app="shop"), WITH, shared=True) == "secret"


def test_another_port_has_another_cookie() -> None:
    headers = {**WITH, "host": "tapwater.localhost:8081"}
    assert secret_of(scope(), headers, shared=False) is None


def test_it_is_for_the_browser_alone_and_not_for_functions() -> None:
    said = cookie(scope(), OURS, "secret", lives_s=60)
    assert said == "tapwater-8080=secret; Path=/_/; Max-Age=60; HttpOnly; SameSite=Strict"
    secure = cookie(scope(scheme="https"), {"host": "tap.example"}, "secret", lives_s=60)
    assert secure.startswith("__Host-tapwater=secret; Path=/; ")
    assert secure.endswith("; Secure")
    shared = cookie(scope(scheme="https", app="shop"), {"host": "a.example"}, "s", lives_s=0)
    assert shared.startswith("__Secure-tapwater=s; Path=/_/; Max-Age=0; ")
    assert cookie_name(scope(), {"host": "a.example"}) == "tapwater-80"
