"""Frames that are none, lies about calls, floods of lines, on the very socket of the platform."""

import os
import socket
import struct

from tests.functional.sandbox.battery.networking import _wire_fd


def _send(data: bytes) -> None:
    with socket.socket(fileno=os.dup(_wire_fd())) as sock:
        sock.sendall(data)


def a_huge_frame() -> None:
    _send(struct.pack("<IBI", 0xFFFFFFF0, 17, 1) + b"x" * 100)


def a_frame_smaller_than_its_head() -> None:
    _send(struct.pack("<IBI", 1, 17, 1))


def rubbish() -> None:
    _send(bytes(range(1, 256)) * 16)


def an_answer_to_a_call_that_is_not() -> object:
    _send(struct.pack("<IBI", 10, 17, 77) + b"\xc8\0\0\0\0")
    return "sent"


def an_unknown_kind() -> object:
    _send(struct.pack("<IBI", 5, 200, 0))
    return "sent"


def half_a_frame_and_the_end() -> object:
    _send(struct.pack("<IBI", 1000, 17, 1) + b"half")
    os._exit(0)


def flood_of_output() -> object:
    """A megabyte and more past the wire, by a program that knows no Python."""
    os.system("yes tapwater | head -c 3000000")
    return "written"


def flood_of_lines() -> object:
    for _ in range(20_000):
        print("tapwater " * 10)
    return "written"


def close_the_socket() -> object:
    os.close(_wire_fd())
    os._exit(3)
