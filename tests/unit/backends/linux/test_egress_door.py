"""What a connection was meant for."""

import ipaddress

from tapwater_server.backends.linux.egress_door import NAMES_MAX, Door
from tapwater_server.backends.linux.egress_pace import Pace
from tapwater_server.backends.linux.egress_plan import plan


def ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


def test_a_declared_address_leads_to_its_name_and_no_other_port() -> None:
    door = Door(plan(["a.example:443"]))
    wanted = door.wanted(ip("127.1.0.1"), 443)
    assert wanted is not None
    assert str(wanted) == "a.example:443"
    assert door.wanted(ip("127.1.0.1"), 80) is None
    assert door.wanted(ip("8.8.8.8"), 443) is None


def test_names_below_a_domain_get_addresses_that_lead_back() -> None:
    door = Door(plan(["*.a.example:443"]))
    inner = door.stands_for("x.a.example")
    assert inner is not None
    assert inner == door.stands_for("x.a.example") != door.stands_for("y.a.example")
    wanted = door.wanted(inner, 443)
    assert wanted is not None
    assert wanted.host == "x.a.example"
    assert door.wanted(inner, 80) is None
    assert door.stands_for("a.example") is None
    assert door.stands_for("xa.example") is None


def test_remembered_names_have_a_ceiling_and_old_addresses_lead_nowhere() -> None:
    door = Door(plan(["*.a.example:443"]))
    first = door.stands_for("first.a.example")
    assert first is not None
    for number in range(NAMES_MAX):
        assert door.stands_for(f"n{number}.a.example") != first
    assert door.wanted(first, 443) is None


def test_all_is_every_port_of_every_host_but_the_functions_own_loopback() -> None:
    door = Door(plan(["all", "private:db.example:5432"]))
    wanted = door.wanted(ip("8.8.8.8"), 25)
    assert wanted is not None
    assert str(wanted) == "8.8.8.8:25"
    assert door.wanted(ip("127.0.0.1"), 25) is None
    assert door.wanted(ip("::1"), 25) is None
    assert door.stands_for("db.example") == ip("127.1.0.1")


def test_a_flood_has_to_rest() -> None:
    pace = Pace(100.0)
    rests = [pace.rest_s(0.0) for _ in range(300)]
    assert rests[:100] == [0.0] * 100
    assert rests[-1] == 2.0
    assert pace.rest_s(10.0) == 0.0
