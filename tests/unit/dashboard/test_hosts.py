"""Where the dashboard lives, and where nobody may sign in."""

import pytest

from tapwater_server.dashboard.hosts import Hosts


@pytest.mark.parametrize(
    ("own", "scheme", "host", "elsewhere"),
    [
        ("", "http", "localhost:8080", "http://tapwater.localhost:8080"),
        ("", "http", "127.0.0.1:8080", "http://tapwater.localhost:8080"),
        ("", "http", "[::1]:8080", "http://tapwater.localhost:8080"),
        ("", "http", "tapwater.localhost:8080", ""),
        ("", "http", "192.0.2.7:8080", ""),
        ("", "https", "shop.example", ""),
        ("tap.example", "https", "shop.example", "https://tap.example"),
        ("tap.example", "https", "shop.example:8443", "https://tap.example:8443"),
        ("tap.example", "https", "TAP.example.", ""),
        ("tap.example", "http", "localhost:80", "http://tapwater.localhost:80"),
        ("", "http", "localhost.evil.example", ""),
    ],
)
def test_its_own_origin_is_one_that_whoever_asks_can_reach(
    own: str, scheme: str, host: str, elsewhere: str
) -> None:
    assert Hosts(host=own).elsewhere(scheme=scheme, host=host) == elsewhere


def test_where_an_app_answers_nobody_signs_in_unless_that_was_accepted() -> None:
    address = {"scheme": "http", "host": "192.0.2.7:8080"}
    assert Hosts().refuses("", **address) == ""
    assert "shop" in Hosts().refuses("shop", **address)
    assert Hosts(shared=True).refuses("shop", **address) == ""


def test_where_it_has_a_host_of_its_own_nobody_signs_in_at_another() -> None:
    bare = {"scheme": "http", "host": "localhost:8080"}
    assert "http://tapwater.localhost:8080" in Hosts().refuses("", **bare)
    assert Hosts(shared=True).refuses("", **bare) == ""
    own = {"scheme": "http", "host": "tapwater.localhost:8080"}
    assert Hosts(host="tap.example").refuses("", **own) == ""
    other = {"scheme": "https", "host": "shop.example"}
    assert "https://tap.example" in Hosts(host="tap.example").refuses("", **other)
