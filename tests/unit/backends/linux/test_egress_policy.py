"""Which addresses may be reached."""

import ipaddress

import pytest

from tapwater_server.backends.linux.egress_plan import Kind, Target, parse
from tapwater_server.backends.linux.egress_policy import Policy, networks, refusal

PUBLIC = parse("site.example:443")
PRIVATE = parse("private:db.example:5432")
ANYWHERE = parse("all")
ANY_PRIVATE = Target(kind=Kind.ANY, host="", port=443, private=True)


def judge(
    address: str, target: Target, *, policy: Policy | None = None, local: bool = False
) -> str:
    found = ipaddress.ip_address(address)
    return refusal(found, target, policy=policy or Policy(), local=local)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111"])
def test_public_addresses_are_open(address: str) -> None:
    assert judge(address, PUBLIC) == judge(address, ANYWHERE) == ""


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1",
        "100.64.0.1", "100.127.255.255", "169.254.1.1", "169.254.169.254", "0.0.0.0", "0.1.2.3",
        "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.0.8",
        "::", "::1", "fe80::1", "fc00::1", "fdff::1", "ff02::1", "fd00:ec2::254", "fec0::1",
        "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",  # IPv4 in IPv6
        "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::1",  # through NAT64
        "2002:a00:1::1", "2002:7f00:1::",  # 6to4 of 10.0.0.1 and 127.0.0.1
        "2001:0:1:2:3:4:f5ff:fffe",  # Teredo of 10.0.0.1
        "::10.0.0.1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("target", [PUBLIC, ANYWHERE], ids=["name", "all"])
def test_inner_addresses_are_closed(address: str, target: Target) -> None:
    assert judge(address, target) != ""


def test_the_nodes_own_public_address_is_closed_too() -> None:
    assert "belongs to the node itself" in judge("93.184.216.34", PUBLIC, local=True)
    assert "belongs to the node itself" in judge("93.184.216.34", ANY_PRIVATE, local=True)


def test_a_private_name_opens_private_ranges_and_the_node_but_not_metadata() -> None:
    assert judge("10.0.0.1", PRIVATE) == judge("127.0.0.1", PRIVATE) == ""
    assert "metadata" in judge("169.254.169.254", PRIVATE)
    assert "metadata" in judge("169.254.169.254", parse("169.254.169.254:80"))


def test_a_private_wildcard_opens_private_ranges_but_never_the_node() -> None:
    assert judge("10.0.0.1", ANY_PRIVATE) == ""
    assert judge("127.0.0.1", ANY_PRIVATE) != ""


def test_a_declared_address_is_declared() -> None:
    assert judge("10.0.0.1", parse("10.0.0.1:80")) == ""
    assert judge("127.0.0.1", parse("localhost:80")) == ""


def test_the_operator_has_the_last_word() -> None:
    policy = Policy(
        allow=networks("10.1.0.0/16", "169.254.169.254/32"), deny=networks("10.1.1.0/24")
    )
    assert judge("10.1.2.3", PUBLIC, policy=policy) == ""
    assert judge("169.254.169.254", PUBLIC, policy=policy) == ""
    assert "settings of this platform" in judge("10.1.1.1", parse("10.1.1.1:80"), policy=policy)
