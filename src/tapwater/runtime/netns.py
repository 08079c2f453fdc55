"""The inside of a function's own network: loopback up. The rest is ``egress_all``."""

import fcntl
import socket
import struct

_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x1 | 0x40


def loopback_up() -> None:
    """Switch the loopback interface of this network namespace on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH22x", b"lo", _IFF_UP_RUNNING)
        fcntl.ioctl(sock.fileno(), _SIOCSIFFLAGS, request)
