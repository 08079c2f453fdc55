"""Sockets: to the host, to the world, to the neighbour, of strange kinds."""

import errno
import os
import socket
import stat
import struct
from pathlib import Path

from tests.functional.sandbox.battery.trying import refused


def _connect(address: str, port: int) -> str:
    with socket.create_connection((address, port), timeout=3):
        return "connected"


def the_world() -> object:
    return refused(_connect, "93.184.216.34", 80)


def a_private_network() -> object:
    return refused(_connect, "10.0.0.1", 80)


def cloud_metadata() -> object:
    return refused(_connect, "169.254.169.254", 80)


def the_host_s_loopback() -> object:
    """The test listens on every one of these ports of the host."""
    return refused(_connect, "127.0.0.1", int(Path("/app/host_port").read_text()))


def names() -> object:
    try:
        return socket.getaddrinfo("example.com", 80)
    except socket.gaierror:
        return "unknown"


def interfaces() -> object:
    return [name for _, name in socket.if_nameindex()]


def abstract_socket_of_the_host() -> object:
    with socket.socket(socket.AF_UNIX) as sock:
        return refused(sock.connect, "\0" + Path("/app/host_abstract").read_text())


def unix_socket_of_the_host() -> object:
    with socket.socket(socket.AF_UNIX) as sock:
        return refused(sock.connect, "/var/run/docker.sock")


def raw_socket() -> object:
    return refused(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def strange_families() -> object:
    """AF_PACKET, AF_ALG, AF_VSOCK, AF_KEY, AF_TIPC, AF_RDS, AF_CAN, AF_BLUETOOTH, AF_XDP."""
    families = (17, 38, 40, 15, 30, 21, 29, 31, 44)
    return sorted({refused(socket.socket, family, socket.SOCK_DGRAM) for family in families})


def strange_protocols() -> object:
    """SCTP, DCCP, MPTCP, UDP-Lite."""
    wanted = ((1, 132), (6, 33), (1, 262), (2, 136))
    return sorted({refused(socket.socket, socket.AF_INET, k, p) for k, p in wanted})


def netlink_beyond_routes() -> object:
    """NETLINK_NETFILTER, NETLINK_KOBJECT_UEVENT, NETLINK_GENERIC, NETLINK_CRYPTO."""
    kinds = (12, 15, 16, 21)
    return sorted({refused(socket.socket, socket.AF_NETLINK, 3, kind) for kind in kinds})


def low_port() -> object:
    with socket.socket() as sock:
        return refused(sock.bind, ("127.0.0.1", 80))


def shut_the_interface() -> object:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return refused(fcntl.ioctl, sock, 0x8914, struct.pack("16sH22x", b"lo", 0))


def descriptors_through_the_wire() -> object:
    """Send descriptors up to the platform: they must not pile up there."""
    wire = socket.socket(fileno=os.dup(_wire_fd()))
    for _ in range(20):
        socket.send_fds(wire, [b"\x05\0\0\0\x14\0\0\0\0"], [0] * 100)
    return "sent"


def every_port_of_the_host() -> object:
    """Whatever listens on the host's loopback, the platform's API among it, is not here."""
    reached: list[int] = []
    for port in [*range(1, 1025), 5432, 6379, 8000, 8080, 8443, 9090]:
        with socket.socket() as sock:
            sock.settimeout(1)
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                reached.append(port)
    return reached


def loopback_by_other_names() -> object:
    port = int(Path("/app/host_port").read_text())
    places = ("127.0.0.2", "127.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "localhost", "0")
    return sorted({refused(_connect, place, port) for place in places})


def version_six() -> object:
    return [refused(_connect, place, 80) for place in ("2606:4700::1111", "fe80::1%lo", "fd00::1")]


def link_local_and_broadcast() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        places = ("255.255.255.255", "169.254.169.254", "224.0.0.251", "10.255.255.255")
        return sorted({refused(sock.sendto, b"x", (place, 53)) for place in places})


def name_servers() -> object:
    """A question by hand to whom the host would ask, and to the world's."""
    question = b"\0\1\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        return [refused(sock.sendto, question, (place, 53)) for place in ("8.8.8.8", "1.1.1.1")]


def routes_and_addresses() -> object:
    """Ask netlink for a new address and a route: that needs a right nobody has here."""
    said: list[int] = []
    for kind in (16, 20, 24):  # RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
            body = struct.pack("=BBHiII", 0, 0, 0, 1, 0, 0)
            sock.send(struct.pack("=IHHII", 16 + len(body), kind, 5, 1, 0) + body)
            said.append(-struct.unpack_from("=i", sock.recv(4096), 16)[0])
    return [errno.errorcode.get(one, "done") for one in said]


def packets() -> object:
    return [refused(socket.socket, 17, kind, 0) for kind in (2, 3, 10)]


def listen_for_others() -> object:
    """It may listen on its own loopback, which nobody else is on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        return refused(server.accept)


def _wire_fd() -> int:
    names = os.listdir("/proc/self/fd")
    found = [int(name) for name in names if os.path.exists(f"/proc/self/fd/{name}")]
    return next(fd for fd in found if fd > 2 and stat.S_ISSOCK(os.fstat(fd).st_mode))
