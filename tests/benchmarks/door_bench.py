"""The door without a gateway: scheduler, instance, socket, real runner. Prints, judges nothing.

python -m tests.benchmarks.door_bench [--profile]
"""

import asyncio
import cProfile
import pstats
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from tapwater_server.backends.memory.sandbox import InlineSandbox
from tapwater_server.backends.system import SystemClock, SystemIds
from tapwater_server.instances.bindings import NoBindings
from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.model.function import Function, FunctionLimits, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Verb
from tapwater_server.ports.sandbox import Image
from tapwater_server.scheduler.scheduler import Scheduler
from tapwater_server.scheduler.settings import SchedulerSettings

SEQUENTIAL, CROWD, TOTAL = 5_000, 32, 40_000
HEADERS: Headers = [
    (b"host", b"localhost:8080"),
    (b"user-agent", b"bench"),
    (b"accept", b"*/*"),
]


class Client:
    """Calls again as soon as it is answered, ``count`` times."""

    def __init__(
        self, scheduler: Scheduler, function: Function, ids: SystemIds, count: int
    ) -> None:
        self.scheduler, self.function, self.ids = scheduler, function, ids
        self.left = count
        self.took: list[float] = []
        self.began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self.began = time.monotonic()
        self.scheduler.start(
            Invocation(
                id=InvocationId(self.ids.fresh()),
                revision=RevisionId("r1"),
                function=self.function,
                verb=Verb.HTTP,
                method="GET",
                path="/users-api/hello",
                headers=HEADERS,
                arrived_at=self.began,
            ),
            self,
        )

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        assert status == 200

    def body(self, data: bytes) -> bool:
        return True

    def message(self, data: str | bytes) -> None:
        raise AssertionError

    def ended(self, outcome: Outcome) -> None:
        assert outcome.ending is Ending.OK, outcome
        self.took.append(time.monotonic() - self.began)
        self.left -= 1
        if self.left:
            # As a gateway would: the next request comes with the next turn of the loop.
            asyncio.get_running_loop().call_soon(self.start)
        else:
            self.done.set_result(None)


async def crowd(
    scheduler: Scheduler, function: Function, ids: SystemIds, *, size: int, total: int
) -> None:
    clients = [Client(scheduler, function, ids, total // size) for _ in range(size)]
    cpu, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    for client in clients:
        client.start()
    await asyncio.gather(*[client.done for client in clients])
    took = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
    all_took = sorted(one for client in clients for one in client.took)
    median, p99 = statistics.median(all_took), all_took[int(len(all_took) * 0.99)]
    print(
        f"{size:3d} at a time: {total / took:8.0f} calls/s   p50 {median * 1e6:6.0f} us"
        f"   p99 {p99 * 1e6:6.0f} us   host CPU {used / total * 1e6:5.1f} us/call"
        f"   instances {scheduler.stats().instances}"
    )


@contextmanager
def hello_folder() -> Iterator[str]:
    """A folder with one function in it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "hello.py").write_text("def get():\n    return 'hello'\n")
        yield folder


async def bench(*, profile: bool) -> None:
    clock, ids = SystemClock(), SystemIds()
    with hello_folder() as folder:
        function = Function(
            id=FunctionId(AppId("shop"), "users/hello"),
            kind=Kind.RESTFUL,
            style=Style.VERBS,
            file="hello.py",
            group="users",
            limits=FunctionLimits(instances_max=2),
        )
        image = Image(
            function="shop:users/hello",
            code=folder,
            layer="",
            python=sys.executable,
            module="hello.py",
            limits=function.limits,
        )
        box = InlineSandbox()
        zygotes = Zygotes(sandbox=box, image_of=lambda *_: image, clock=clock)
        scheduler = Scheduler(
            zygotes=zygotes,
            clock=clock,
            ids=ids,
            bindings=NoBindings(),
            logs=lambda line: print(line.text),
            settings=SchedulerSettings(memory_budget_bytes=4 << 30),
            available=lambda: 4 << 30,
        )
        running = asyncio.ensure_future(scheduler.run())
        await crowd(scheduler, function, ids, size=1, total=SEQUENTIAL)
        await crowd(scheduler, function, ids, size=CROWD, total=TOTAL)
        if profile:
            profiler = cProfile.Profile()
            profiler.enable()
            await crowd(scheduler, function, ids, size=CROWD, total=TOTAL)
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(22)
        await scheduler.stop(drain_s=1.0)
        running.cancel()
        await zygotes.close()
        await box.close()


if __name__ == "__main__":
    uvloop.run(bench(profile="--profile" in sys.argv))
