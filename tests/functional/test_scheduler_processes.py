"""Scheduler, pool, instance and the real runner in real processes, without confinement."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.backends.memory.sandbox import InlineSandbox
from tapwater_server.backends.system import SystemClock, SystemIds
from tapwater_server.instances.bindings import NoBindings
from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.model.function import Function, FunctionLimits, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Invocation, Outcome, Verb
from tapwater_server.ports.invoker import run
from tapwater_server.ports.meter import LogLine
from tapwater_server.ports.sandbox import Image
from tapwater_server.scheduler.scheduler import Scheduler
from tapwater_server.scheduler.settings import SchedulerSettings

SOURCES = {
    "hello": "def get():\n    return 'hello'\n",
    "exits": "import os\ndef get():\n    os._exit(3)\n",
    "segfaults": "import os, signal\ndef get():\n    os.kill(os.getpid(), signal.SIGSEGV)\n",
    "raises": "def get():\n    raise KeyError('x')\n",
    "hangs": "def get():\n    while True:\n        pass\n",
    "prints": "def get():\n    print('said')\n    return 'ok'\n",
    "chatters": "import os\ndef get():\n    os.write(1, b'to the pipe\\n')\n    return 'ok'\n",
    "pid": "import os\ndef get():\n    return str(os.getpid())\n",
    "naps": "import os, time\ndef get():\n    time.sleep(0.2)\n    return str(os.getpid())\n",
    "fails": "import nothing_of_that_name\ndef get():\n    return ''\n",
    "streams": "def get():\n    for _ in range(40):\n        yield b'x' * 50_000\n",
    "reads": "def post(body: bytes):\n    return str(len(body))\n",
}


class Bench:
    """Everything below the gateway, on this machine."""

    def __init__(self, folder: Path) -> None:
        clock, self.ids = SystemClock(), SystemIds()
        self.lines: list[LogLine] = []
        self.folder = folder
        self.box = InlineSandbox()
        self.zygotes = Zygotes(sandbox=self.box, image_of=self.image_of, clock=clock)
        self.scheduler = Scheduler(
            zygotes=self.zygotes,
            clock=clock,
            ids=self.ids,
            bindings=NoBindings(),
            logs=self.lines.append,
            settings=SchedulerSettings(memory_budget_bytes=4 << 30),
            available=lambda: 4 << 30,
        )
        self.running = asyncio.ensure_future(self.scheduler.run())

    def image_of(self, revision: RevisionId, function: Function) -> Image:
        return Image(
            function=str(function.id),
            code=str(self.folder),
            layer="",
            python=sys.executable,
            module=function.file,
            limits=function.limits,
        )

    async def call(self, name: str, *, method: str = "GET", body: bytes = b"") -> Outcome:
        function = Function(
            id=FunctionId(AppId("shop"), name),
            kind=Kind.RESTFUL,
            style=Style.VERBS,
            file=f"{name}.py",
            group="",
            limits=FunctionLimits(timeout_s=0.5),
        )
        invocation = Invocation(
            id=InvocationId(self.ids.fresh()),
            revision=RevisionId("r1"),
            function=function,
            verb=Verb.HTTP,
            method=method,
            body=body,
        )
        return await run(self.scheduler, invocation, body_bytes_max=4 << 20)

    async def close(self) -> None:
        await self.scheduler.stop(drain_s=0.0)
        self.running.cancel()
        await self.zygotes.close()
        await self.box.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    for name, source in SOURCES.items():
        (tmp_path / f"{name}.py").write_text(source)
    bench = Bench(tmp_path)
    yield bench
    await bench.close()


async def test_hello(bench: Bench) -> None:
    first, second = await bench.call("hello"), await bench.call("hello")
    assert (first.ending, first.status, first.body) == (Ending.OK, 200, b"hello")
    assert (first.usage.cold, second.usage.cold) == (True, False)
    assert second.usage.cpu_s > 0
    assert second.usage.memory_peak_bytes > 1 << 20


@pytest.mark.parametrize(
    ("name", "ending", "said"),
    [
        ("exits", Ending.CRASHED, "exit code 3"),
        ("segfaults", Ending.CRASHED, "SIGSEGV"),
        ("raises", Ending.USER_ERROR, "KeyError"),
        ("hangs", Ending.TIMED_OUT, "time limit"),
        ("fails", Ending.START_FAILED, "nothing_of_that_name"),
    ],
)
async def test_a_bad_end_is_told_and_the_neighbours_live(
    bench: Bench, name: str, ending: Ending, said: str
) -> None:
    before = await bench.call("pid")
    outcome = await bench.call(name)
    assert outcome.ending is ending
    assert said in outcome.message
    after = await bench.call("pid")
    assert before.body == after.body


async def test_two_at_a_time_are_two_processes(bench: Bench) -> None:
    one, other = await asyncio.gather(bench.call("naps"), bench.call("naps"))
    assert one.body != other.body
    assert str(os.getpid()).encode() not in {one.body, other.body}


@pytest.mark.parametrize(("name", "text"), [("prints", "said"), ("chatters", "to the pipe")])
async def test_what_is_said_becomes_log_lines(bench: Bench, name: str, text: str) -> None:
    await bench.call(name)
    await bench.close()
    assert text in {line.text for line in bench.lines}


async def test_large_bodies_both_ways(bench: Bench) -> None:
    streamed = await bench.call("streams")
    assert streamed.body == b"x" * 2_000_000
    read = await bench.call("reads", method="POST", body=b"y" * 1_500_000)
    assert read.body == b"1500000"
