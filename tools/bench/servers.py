"""A server to be measured: started, seen to answer what all answer, stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.bench.client import Connection
from tools.bench.machine import tree

ANSWER = b"Hello, world!\n"
START_S_MAX = 90.0
STOP_S_MAX = 15.0


class CannotMeasure(Exception):
    """A row cannot be measured here; the message says why and stands in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How to start one server on a port."""

    name: str
    version: str
    command: Sequence[str]  # "{port}" is put in
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    path: str = "/"

    def on(self, port: int) -> list[str]:
        """Give the command for a port."""
        return [part.replace("{port}", str(port)) for part in self.command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that answers."""

    program: Program
    port: int
    pid: int
    start_s: float  # until its first right answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.program.path}"


def free_port() -> int:
    """Find a port that nobody has right now; some of the servers cannot choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(program: Program) -> Iterator[Running]:
    """Start a server, wait until it gives the answer that all give, stop it at the end."""
    port = free_port()
    log = program.folder / f"{program.name.replace(' ', '-')}.log"
    began = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            program.on(port),
            cwd=program.folder,
            env={**os.environ, **program.environment, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_answer(program, port, process, log)
        yield Running(program=program, port=port, pid=process.pid, start_s=time.monotonic() - began)
    finally:
        stop(process)


def wait_answer(program: Program, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until the answer is right."""
    end = time.monotonic() + START_S_MAX
    said: object = "nothing"
    while time.monotonic() < end:
        if process.poll() is not None:
            raise CannotMeasure(f"{program.name} ended at once: {log.read_text()[-500:]}")
        try:
            with Connection(port) as connection:
                answer = connection.get(program.path)
        except OSError as error:
            said = error
        else:
            if answer.body.strip() == ANSWER.strip():
                return
            said = f"{answer.status} {answer.body[:200]!r}"
        time.sleep(0.005)
    raise CannotMeasure(f"{program.name} did not answer in {START_S_MAX:.0f} s: {said}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a server to end; then end what is left of its processes."""
    below = tree(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S_MAX)
    for pid in below:
        try:
            # Only what is still of the session that we opened: a pid may be somebody else's by now.
            if os.getsid(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
