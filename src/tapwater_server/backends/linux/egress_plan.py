"""What a function declared to reach, read into values. Pure: text in, a plan out.

api.stripe.com:443            a public name
93.184.216.34:443             an address, as it is; [2001:db8::1]:443 too
localhost:5432                a port of the node's own loopback
private:db.internal:5432      a name that may stand for a private address
*.example.com:443             every name below example.com
*:443                         every public host at this port
all                           every public host at every port
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tapwater_server.model.errors import Invalid

ENTRIES_MAX = 40
SOCKETS_MAX = 48  # They travel from the sandbox in one message.
_NAME_LENGTH_MAX = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_PRIVATE = "private:"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
DNS_ADDRESS = "127.0.0.53"  # Where every resolver of our days expects a local one.
FIRST_NAME_ADDRESS = ipaddress.IPv4Address("127.1.0.1")
DOOR_ADDRESS, DOOR_PORT = "127.0.0.1", 61080  # Where nobody listens by habit.
_SHAPE = "write host:port, *.domain:port, *:port, private:host:port, or all"


class Kind(StrEnum):
    """How a target is recognised."""

    NAME = "name"
    ADDRESS = "address"  # also localhost
    BELOW = "below"  # *.example.com
    ANY = "any"  # *:443, and all
    DOOR = "door"  # one of the platform's own, by its name: nobody can declare it


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One declared entry. ``port`` 0: every port; ``private``: private addresses are fine."""

    kind: Kind
    host: str
    port: int
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPlan:
    """What has to be set up inside the function's network, and what the forwarder then does.

    In the network namespace ``tapwater.runtime.egress_all.setup(plan.wire())`` makes everything
    there is to make and returns the listening sockets; pass their fds, in any order, to
    ``Egress.serve()``. ``hosts`` is to be added to the function's /etc/hosts, and ``resolv`` is
    its /etc/resolv.conf.
    """

    targets: tuple[Target, ...] = ()
    listeners: tuple[tuple[str, int, str], ...] = ()  # (address, port, hostname)
    ports: tuple[int, ...] = ()  # of *.domain:port and *:port: listened at on every address
    hosts: str = ""
    resolv: str = ""
    everything: bool = False

    @property
    def names(self) -> bool:
        """Say whether the function needs somebody who answers its questions for names."""
        return self.everything or bool(self.ports)

    @property
    def anywhere(self) -> bool:
        """Say whether addresses as such can be reached, so that all must lead to us."""
        return any(target.kind is Kind.ANY for target in self.targets)

    @property
    def sockets_max(self) -> int:
        """Say how many sockets that is: a port of all addresses is two, DNS is two, all is two."""
        return len(self.listeners) + 2 * (len(self.ports) + self.names + self.everything)

    def wire(self) -> dict[str, object]:
        """Say it in JSON, for the guest's side."""
        return {
            "listeners": [[address, port] for address, port, _ in self.listeners],
            "ports": list(self.ports),
            "names": self.names,
            "anywhere": self.anywhere,
            "everything": self.everything,
        }


def plan(entries: Sequence[str], *, door: str = "") -> EgressPlan:
    """Read what a function declared; ``door`` is what its network leads to besides.

    >>> plan(["api.stripe.com:443"]).hosts
    '127.1.0.1 api.stripe.com\\n'

    Raises:
        Invalid: an entry cannot be understood; ``problems`` names each.
    """
    problems: list[dict[str, str]] = []
    targets: list[Target] = []
    for entry in entries:
        try:
            targets.append(parse(entry))
        except Invalid as error:
            problems.append({"where": f"egress {entry!r}", "what": error.message})
    if len(entries) > ENTRIES_MAX:
        problems.append({"where": "egress", "what": f"more than {ENTRIES_MAX} entries"})
    if problems:
        raise Invalid("; ".join(p["where"] + ": " + p["what"] for p in problems), problems=problems)
    if door:
        targets.append(Target(kind=Kind.DOOR, host=door, port=DOOR_PORT))
    planned = _planned(tuple(dict.fromkeys(targets)))
    if planned.sockets_max > SOCKETS_MAX:
        raise Invalid("egress: too many different ports behind wildcards")
    return planned


def parse(entry: str) -> Target:
    """Read one entry.

    >>> parse("*.example.com:443").host
    'example.com'

    Raises:
        Invalid: it has none of the shapes above.
    """
    text = entry.strip().lower()
    if text == "all":
        return Target(kind=Kind.ANY, host="", port=0)
    private = text.startswith(_PRIVATE)
    host, colon, port = text.removeprefix(_PRIVATE).rpartition(":")
    if not colon or not host:
        raise Invalid(_SHAPE)
    number = _port(port)
    if host == "*":
        return Target(kind=Kind.ANY, host="", port=number, private=private)
    host = host.removesuffix(".") if host != "*." else host
    if host.startswith("*."):
        return Target(kind=Kind.BELOW, host=_name(host[2:]), port=number, private=private)
    address = _address(host)
    if address is not None:
        return Target(kind=Kind.ADDRESS, host=str(address), port=number, private=True)
    if host == "localhost":
        return Target(kind=Kind.ADDRESS, host=host, port=number, private=True)
    return Target(kind=Kind.NAME, host=_name(host), port=number, private=private)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise Invalid(f"{text!r} is not a port from 1 to 65535; {_SHAPE}")
    return int(text)


def _address(host: str) -> Address | None:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare and bare is host:
        raise Invalid("put an IPv6 address in brackets: [2001:db8::1]:443")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        if bare is not host:
            raise Invalid(f"{bare!r} is not an IPv6 address") from None
        return None
    if address.is_unspecified or address.is_multicast or getattr(address, "scope_id", None):
        raise Invalid(f"{bare} is not the address of one host")
    if str(address) == DNS_ADDRESS:
        raise Invalid(f"{bare} is where the function's own resolver is")
    return address


def _name(host: str) -> str:
    labels = host.split(".")
    if len(host) > _NAME_LENGTH_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise Invalid(f"{host!r} is not a host name (write other scripts in their xn-- form)")
    if labels[-1].isdigit():
        raise Invalid(f"{host!r} is neither a name nor an address")
    return host


def _planned(targets: tuple[Target, ...]) -> EgressPlan:
    listeners, hosts = _listeners(targets)
    wild = [target for target in targets if target.kind in (Kind.BELOW, Kind.ANY)]
    return EgressPlan(
        targets=targets,
        listeners=listeners,
        ports=tuple(sorted({target.port for target in wild if target.port})),
        hosts=hosts,
        resolv=f"nameserver {DNS_ADDRESS}\n" if wild else "",
        everything=any(not target.port for target in wild),
    )


def _listeners(targets: Sequence[Target]) -> tuple[tuple[tuple[str, int, str], ...], str]:
    """Give every declared name an address of its own; an address is its own already."""
    declared = {target.host for target in targets if target.kind is Kind.ADDRESS}
    addresses: dict[str, str] = {"localhost": "127.0.0.1"}
    free = FIRST_NAME_ADDRESS
    listeners = []
    for target in targets:
        if target.kind is Kind.ADDRESS:
            address = addresses.get(target.host, target.host)
        elif target.kind is Kind.NAME:
            if target.host not in addresses:
                while str(free) in declared:
                    free += 1
                addresses[target.host] = str(free)
                free += 1
            address = addresses[target.host]
        elif target.kind is Kind.DOOR:
            address = DOOR_ADDRESS
        else:
            continue
        listeners.append((address, target.port, target.host))
    names = [(address, host) for host, address in addresses.items() if host != "localhost"]
    return tuple(dict.fromkeys(listeners)), "".join(f"{a} {h}\n" for a, h in names)
