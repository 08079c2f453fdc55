"""Declarations of egress, read into plans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.backends.linux.egress_plan import SOCKETS_MAX, Kind, parse, plan
from tapwater_server.model.errors import Invalid


@pytest.mark.parametrize(
    ("entry", "kind", "host", "port", "private"),
    [
        ("api.stripe.com:443", Kind.NAME, "api.stripe.com", 443, False),
        ("API.Stripe.com.:443", Kind.NAME, "api.stripe.com", 443, False),
        ("private:db.internal:5432", Kind.NAME, "db.internal", 5432, True),
        ("93.184.216.34:80", Kind.ADDRESS, "93.184.216.34", 80, True),
        ("[2001:db8::1]:80", Kind.ADDRESS, "2001:db8::1", 80, True),
        ("localhost:5432", Kind.ADDRESS, "localhost", 5432, True),
        ("*.example.com:443", Kind.BELOW, "example.com", 443, False),
        ("*:443", Kind.ANY, "", 443, False),
        ("private:*:443", Kind.ANY, "", 443, True),
        ("all", Kind.ANY, "", 0, False),
    ],
)
def test_what_is_written_is_understood(
    entry: str, kind: Kind, host: str, port: int, private: bool
) -> None:
    target = parse(entry)
    assert (target.kind, target.host, target.port, target.private) == (kind, host, port, private)


@pytest.mark.parametrize(
    "entry",
    [
        "", ":", "a", "a:", ":80", "a:0", "a:65536", "a:-1", "a:\u0661", "a b:80", "-a:80",
        "a..b:80",
        "::1:80", "[::1:80", "[a]:80", "1.2.3:80", "1.2.3.4.5:80", "0.0.0.0:80", "224.0.0.1:80",
        "127.0.0.53:53", "*.:80", "*a.com:80", "a.*.com:80", "**:80", "private:all", "http://a:80",
        "a\n:80", "[fe80::1%lo]:80", "x" * 254 + ":80",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(entry: str) -> None:
    with pytest.raises(Invalid) as caught:
        plan([entry])
    assert caught.value.problems[0]["where"] == f"egress {entry!r}"


def test_a_name_has_one_address_for_all_its_ports_and_an_address_is_its_own() -> None:
    made = plan(["a.example:80", "a.example:443", "b.example:80", "10.0.0.1:5", "127.1.0.2:9"])
    assert made.listeners == (
        ("127.1.0.1", 80, "a.example"),
        ("127.1.0.1", 443, "a.example"),
        ("127.1.0.3", 80, "b.example"),  # 127.1.0.2 was declared as such.
        ("10.0.0.1", 5, "10.0.0.1"),
        ("127.1.0.2", 9, "127.1.0.2"),
    )
    assert made.hosts == "127.1.0.1 a.example\n127.1.0.3 b.example\n"
    assert made.resolv == ""
    assert not made.names


def test_wildcards_bring_a_resolver_and_all_brings_everything() -> None:
    below, port, everything = plan(["*.a.example:443"]), plan(["*:443"]), plan(["all"])
    assert (below.ports, below.names, below.anywhere, below.everything) == (
        (443,),
        True,
        False,
        False,
    )
    assert (port.ports, port.names, port.anywhere, port.everything) == ((443,), True, True, False)
    assert (everything.names, everything.anywhere, everything.everything) == (True, True, True)
    assert "127.0.0.53" in everything.resolv


def test_sockets_have_a_ceiling() -> None:
    with pytest.raises(Invalid):
        plan([f"*:{port}" for port in range(1, 40)])
    with pytest.raises(Invalid):
        plan([f"a:{port}" for port in range(1, 60)])


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_is_a_plan_or_invalid(entries: list[str]) -> None:
    try:
        made = plan(entries)
    except Invalid:
        return
    assert made.sockets_max <= SOCKETS_MAX
