"""Looking at the stacks of running calls."""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from itertools import count
from types import CodeType
from typing import Any

import pytest

from tapwater.runtime import logs, profiling
from tapwater.runtime.wire import Decoder, Kind


class Host:
    """The other end: keeps what is reported."""

    def __init__(self) -> None:
        self.calls: dict[int, Any] = {1: "a call"}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.reports: list[dict[str, Any]] = []
        self.heard = threading.Event()

    def send(self, frame: bytes) -> None:
        for kind, number, payload in Decoder().feed(frame):
            assert (kind, number) == (Kind.STACKS, 0)
            self.reports.append(json.loads(payload))
        if self.reports[-1]["last"]:
            self.heard.set()

    def stacks(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for report in self.reports:
            for stack, weight in report["stacks"]:
                found[stack] = found.get(stack, 0.0) + weight
        return found


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host()
    monkeypatch.setattr(logs.SINK, "link", host)
    yield host
    profiling.begin(asked(seconds=0))


_NUMBERS = count(1000)


def asked(**changes: Any) -> bytes:
    return json.dumps(
        {"number": next(_NUMBERS), "seconds": 0.2, "rate": 200, "mode": "wall", **changes}
    ).encode()


def spin(until: threading.Event) -> int:
    rounds = 0
    while not until.is_set():
        rounds += 1
    return rounds


def test_a_thread_that_computes_is_seen(host: Host) -> None:
    thread = threading.Thread(target=spin, args=[host.heard])
    thread.start()
    profiling.begin(asked())
    thread.join(20)
    names = ";".join(host.stacks())
    assert "spin (" in names
    assert host.reports[-1]["last"]
    assert sum(report["looks"] for report in host.reports) > 5


def test_processor_time_is_what_weighs(host: Host) -> None:
    idle = threading.Event()
    threads = [
        threading.Thread(target=spin, args=[host.heard]),
        threading.Thread(target=idle.wait),
    ]
    for thread in threads:
        thread.start()
    profiling.begin(asked(mode="cpu"))
    assert host.heard.wait(20)
    idle.set()
    for thread in threads:
        thread.join(20)
    stacks = host.stacks()
    spinning = sum(weight for stack, weight in stacks.items() if "spin (" in stack)
    waiting = sum(weight for stack, weight in stacks.items() if "Event.wait" in stack)
    assert spinning > 20 * waiting
    assert 20 < spinning < 1000  # milliseconds


async def test_a_task_that_waits_is_seen_where_it_waits(host: Host) -> None:
    host.loop = asyncio.get_running_loop()
    over = asyncio.Event()

    async def outer() -> None:
        await inner()

    async def inner() -> None:
        await over.wait()

    task = asyncio.create_task(outer())
    profiling.begin(asked())
    await asyncio.to_thread(host.heard.wait, 20)
    over.set()
    await task
    (stack,) = [stack for stack in host.stacks() if "inner" in stack]
    names = [part.partition(" (")[0].rpartition(".")[2] for part in stack.split(";")]
    assert names == ["outer", "inner", "wait"]


def test_between_calls_nothing_is_looked_at(host: Host) -> None:
    host.calls.clear()
    profiling.begin(asked())
    assert host.heard.wait(20)
    assert host.stacks() == {}


def test_what_was_seen_before_its_turn_begins_once(host: Host) -> None:
    frame = asked()
    profiling.begin(frame)
    profiling.begin(frame)
    assert host.heard.wait(20)
    profiling.begin(frame)
    assert [report["last"] for report in host.reports].count(True) == 1


def test_it_can_be_ended_early_and_leaves_all_as_it_was(host: Host) -> None:
    before = sys.getswitchinterval()
    profiling.begin(asked(seconds=300))
    profiling.begin(asked(seconds=0))
    assert host.heard.wait(20)
    names = {thread.name for thread in threading.enumerate() if thread.is_alive()}
    for thread in threading.enumerate():
        if thread.name == "tapwater-profile":
            thread.join(20)
    assert sys.getswitchinterval() == before
    assert names


def test_many_different_stacks_become_one(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    monkeypatch.setattr(profiling, "STACKS_MAX", 3)
    sampler = profiling.Sampler(number=1, seconds=1, rate=100, cpu=False)
    for number in range(10):
        sampler.count((f"f{number}",), 1.0)
    sampler.report(last=True)
    assert host.stacks() == {"f0": 1, "f1": 1, "f2": 1, "(more stacks than are kept)": 7}


def test_a_report_that_is_too_large_says_only_how_much(
    monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    monkeypatch.setattr(profiling, "REPORT_BYTES_MAX", 200)
    sampler = profiling.Sampler(number=1, seconds=1, rate=100, cpu=False)
    for number in range(100):
        sampler.count((f"f{number}",), 1.0)
    sampler.report(last=True)
    assert host.stacks() == {"(more stacks than are kept)": 100}


def test_our_answer_to_a_signal_is_no_part_of_the_call() -> None:
    def code(file: str, name: str) -> CodeType:
        return spin.__code__.replace(co_filename=file, co_name=name, co_qualname=name)

    user = code("/app/users/hi.py", "get")
    asked_meanwhile = code("/opt/tapwater/runtime/runner.py", "<lambda>")
    looking = code("/opt/tapwater/runtime/link.py", "peek")
    sampler = profiling.Sampler(number=1, seconds=0.0, rate=1.0, cpu=False)
    (seen,) = sampler._named([user, asked_meanwhile, looking]) or ("",)
    assert seen.startswith("get (")
