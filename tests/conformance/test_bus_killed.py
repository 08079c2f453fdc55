"""SIGKILL in the middle: what was accepted is there, each once; what was settled stays settled."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.ports.bus import Done, Filter
from tests.conformance.opened_bus import LINE, SHOP, errand, event, sqlite_bus, sqlite_log

LINES_WANTED = 60  # said by the victim before it is killed


def kill_after(folder: Path, what: str) -> list[str]:
    """Run this file as a program that says what was accepted; kill it in the middle."""
    program = [sys.executable, "-m", "tests.conformance.test_bus_killed", what, str(folder)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        said = [victim.stdout.readline().strip() for _ in range(LINES_WANTED)]
        victim.send_signal(signal.SIGKILL)
        said += [line.strip() for line in victim.stdout if line.endswith("\n")]
    assert victim.returncode == -signal.SIGKILL
    return said


async def test_bus_1_accepted_is_there_after_sigkill(tmp_path: Path) -> None:
    accepted = {id for line in kill_after(tmp_path, "publish") for id in line.split()}
    async with sqlite_bus(tmp_path, SystemClock()) as bus:
        found = [d.errand.id for d in await bus.lease(LINE, count_max=100_000, lease_s=60.0)]
        assert len(found) == len(set(found))
        assert accepted <= set(found)
        calls = {id.split("-")[0] for id in found}
        assert len(found) == 3 * len(calls), "each call whole or not at all"


async def test_bus_4_settled_stays_settled_after_sigkill(tmp_path: Path) -> None:
    settled = kill_after(tmp_path, "settle")
    async with sqlite_bus(tmp_path, SystemClock()) as bus:
        held = len(await bus.list(Filter(app=SHOP, state="leased"), count_max=9))
        assert await bus.reclaim() == held
        assert set(await bus.ready()) == {LINE}
        again = await bus.lease(LINE, count_max=100_000, lease_s=60.0)
        assert {d.errand.id for d in again}.isdisjoint(settled)
        assert {d.attempt for d in again} == {1}
        assert sum(d.lost for d in again) == held
        for id in settled:
            state = await bus.state(id)
            assert state is not None
            assert (state.state, state.result) == ("done", id.encode())


async def test_log_4_log_and_cursor_after_sigkill(tmp_path: Path) -> None:
    said = kill_after(tmp_path, "log")
    async with sqlite_log(tmp_path, SystemClock()) as log:
        found = [logged.event.id for logged in await log.read(after=0, count_max=100_000)]
        assert len(found) == len(set(found))
        assert set(said) <= set(found)
        assert await log.cursor("relay") >= int(said[-1])


async def _publish(folder: Path) -> None:
    async with sqlite_bus(folder, SystemClock()) as bus:

        async def publisher(who: int) -> None:
            for n in range(100_000):
                ids = [f"p{who}n{n}-{m}" for m in range(3)]
                await bus.publish([errand(id) for id in ids])
                _say(" ".join(ids))

        await asyncio.gather(*(publisher(who) for who in range(4)))


async def _settle(folder: Path) -> None:
    async with sqlite_bus(folder, SystemClock()) as bus:
        await bus.publish([errand(f"e{n}") for n in range(5_000)])
        while leased := await bus.lease(LINE, count_max=4, lease_s=60.0):
            await bus.settle([(d, Done(d.errand.id.encode())) for d in leased])
            for delivery in leased:
                _say(delivery.errand.id)


async def _log(folder: Path) -> None:
    async with sqlite_log(folder, SystemClock()) as log:
        for n in range(100_000):
            await log.append([event(str(n))])
            await log.move_cursor("relay", n)
            _say(str(n))


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


if __name__ == "__main__":
    works = {"publish": _publish, "settle": _settle, "log": _log}
    asyncio.run(works[sys.argv[1]](Path(sys.argv[2])))
