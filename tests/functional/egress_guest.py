"""A stand-in for a sandboxed function: a process in its own network that does what it is told.

Run as a program by ``egress_net``. It reads the plan, makes the network, sends the sockets up and
then runs the snippets it gets, one line of JSON each, and says what ``result`` was.
"""

import ctypes
import encodings.idna  # noqa: F401  An ordinary user may not be able to read the library later.
import json
import os
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tapwater.runtime import egress_all

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_DUMPABLE = 4
NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    order = json.loads(_line(control))
    try:
        _enter(ordinary=order["ordinary"])
        _files(order["hosts"], order["resolv"])
        fds = egress_all.setup(order["wire"])
    except OSError as error:
        control.sendall(json.dumps({"error": str(error)}).encode() + b"\n")
        return
    socket.send_fds(control, [b'{"error": ""}\n'], fds)
    for fd in fds:
        os.close(fd)
    while line := _line(control):
        control.sendall(json.dumps(_run(json.loads(line))).encode() + b"\n")


def _line(control: socket.socket) -> bytes:
    read = bytearray()
    while not read.endswith(b"\n"):
        byte = control.recv(1)
        if not byte:
            return b""
        read += byte
    return bytes(read)


def _run(code: str) -> dict[str, Any]:
    scope: dict[str, Any] = {"socket": socket, "result": None}
    try:
        exec(code, scope)
    except BaseException:
        return {"result": None, "error": traceback.format_exc()}
    return {"result": scope["result"], "error": ""}


def _enter(*, ordinary: bool) -> None:
    """Become an ordinary user if asked to, and go into a network of our own."""
    if ordinary and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        _call(_libc.prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNET | CLONE_NEWNS
    if uid != 0:
        flags |= CLONE_NEWUSER
    _call(_libc.unshare, flags)
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    _call(_libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def _files(hosts: str, resolv: str) -> None:
    for path, text in (
        ("/etc/hosts", f"127.0.0.1 localhost\n{hosts}"),
        ("/etc/resolv.conf", resolv),
    ):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(text)
        _call(_libc.mount, file.name.encode(), os.path.realpath(path).encode(), None, MS_BIND, None)
        os.unlink(file.name)


def _call(function: Any, *arguments: Any) -> None:
    if function(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    main()
