"""Driving a process that has a network of its own, with the real forwarder behind it."""

import asyncio
import ipaddress
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import tapwater
from tapwater_server.backends.linux.egress import Egress, EgressPlan, Forwarder, Policy
from tapwater_server.backends.linux.egress_names import Lookup
from tapwater_server.backends.linux.egress_plan import Address
from tapwater_server.backends.system.clock import SystemClock

GUEST = Path(__file__).with_name("egress_guest.py")
SOURCES = Path(tapwater.__file__).parent.parent
FDS_MAX = 64
WAIT_S_MAX = 20.0


class Net:
    """A function's network, its forwarder, and what the forwarder said."""

    def __init__(self, control: socket.socket, forwarder: Forwarder, notes: list[str]) -> None:
        self._control = control
        self.forwarder = forwarder
        self.notes = notes

    async def run(self, code: str) -> Any:
        """Run a snippet inside and give what it left in ``result``."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT_S_MAX):
            await loop.sock_sendall(self._control, json.dumps(code).encode() + b"\n")
            answer = json.loads(await _line(self._control))
        if answer["error"]:
            raise AssertionError(answer["error"])
        return answer["result"]


class CannotSetUp(Exception):
    """This machine does not let us make such a network."""


@asynccontextmanager
async def net(
    *declared: str,
    ordinary: bool = False,
    policy: Policy | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
    sent: Callable[[str, int], None] | None = None,
) -> AsyncIterator[Net]:
    """Make a network whose function declared this; end everything afterwards."""
    egress = Egress(clock=SystemClock(), policy=policy, lookup=_lookup(names or {}), sent=sent)
    plan = egress.plan(declared)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    process = subprocess.Popen(  # noqa: ASYNC220  It starts within a millisecond.
        [sys.executable, "-P", str(GUEST), str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env={"PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    theirs.close()
    notes: list[str] = []
    forwarder: Forwarder | None = None
    try:
        fds = await _handshake(ours, plan, ordinary=ordinary)
        forwarder = egress.serve(plan, fds, "shop:hello", note=notes.append)
        yield Net(ours, forwarder, notes)
    finally:
        ours.close()
        process.kill()
        process.wait()
        if forwarder is not None:
            forwarder.close()
            await forwarder.wait_closed()
        await egress.close()


def _lookup(names: Mapping[str, Sequence[str]]) -> Lookup:
    """A resolver that knows these names and no others."""

    def lookup(name: str) -> Sequence[Address]:
        if name not in names:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [ipaddress.ip_address(text) for text in names[name]]

    return lookup


async def _handshake(ours: socket.socket, plan: EgressPlan, *, ordinary: bool) -> Sequence[int]:
    loop = asyncio.get_running_loop()
    order = {
        "wire": plan.wire(),
        "hosts": plan.hosts,
        "resolv": plan.resolv,
        "ordinary": ordinary,
    }
    async with asyncio.timeout(WAIT_S_MAX):
        await loop.sock_sendall(ours, json.dumps(order).encode() + b"\n")
        readable = asyncio.Event()
        loop.add_reader(ours, readable.set)
        await readable.wait()
        loop.remove_reader(ours)
    answer, fds, _, _ = socket.recv_fds(ours, 4096, FDS_MAX)
    if not answer or json.loads(answer)["error"]:
        for fd in fds:
            os.close(fd)
        raise CannotSetUp(answer.decode())
    return fds


async def _line(sock: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    read = bytearray()
    while not read.endswith(b"\n"):
        data = await loop.sock_recv(sock, 65536)
        assert data, "the guest has gone"
        read += data
    return bytes(read)
