"""Sockets: to the host, to the world, to the neighbour, of strange kinds."""

import os
import socket
import stat
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
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return refused(fcntl.ioctl, sock, 0x8914, struct.pack("16sH22x", b"lo", 0))


def descriptors_through_the_wire() -> object:
    """Send descriptors up to the platform: they must not pile up there."""
    wire = socket.socket(fileno=os.dup(_wire_fd()))
    for _ in range(20):
        socket.send_fds(wire, [b"\x05\0\0\0\x14\0\0\0\0"], [0] * 100)
    return "sent"


def _wire_fd() -> int:
    names = os.listdir("/proc/self/fd")
    found = [int(name) for name in names if os.path.exists(f"/proc/self/fd/{name}")]
    return next(fd for fd in found if fd > 2 and stat.S_ISSOCK(os.fstat(fd).st_mode))
