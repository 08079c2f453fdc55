"""Calls that did not end well become groups, off the hot path."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tapwater_server.backends.memory.faults import MemoryFaults
from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.model.errors import Overloaded
from tapwater_server.model.fault import Fault, blame, normalised
from tapwater_server.ports.faults import Stirred
from tapwater_server.ports.meter import LogLine
from tapwater_server.services.seeing.grouping import WAITING_MAX, Grouping
from tapwater_server.services.seeing.pulse import Beat
from tapwater_server.testing.clock import ManualClock
from tests.unit.services.seeing.given import call


class Full(MemoryFaults):
    """A store that is full, for a while."""

    full = False

    async def note(self, came: Sequence[Fault]) -> Sequence[Stirred]:
        if self.full:
            raise Overloaded("the disk is full")
        return await super().note(came)


def failed(id: str = "i1", **more: Any) -> Any:
    said = {"ending": "user_error", "fault": "f1", "message": "ValueError: no", **more}
    return call(id, **said)


class Rig:
    def __init__(self) -> None:
        self.faults, self.meter = Full(), MemoryMeter()
        self.grouping = Grouping(faults=self.faults, meter=self.meter, clock=ManualClock())
        self.stirred: list[Stirred] = []
        self.grouping.when_stirred(self.stirred.append)

    async def second(self, *records: Any) -> None:
        self.grouping.note(Beat(at=1.0, failed=records))
        await self.grouping.step()


async def test_one_mistake_is_one_group_however_often() -> None:
    rig = Rig()
    await rig.second(failed("a"), failed("b", revision="r2"), failed("c", fault="f2"))
    await rig.second(failed("d", at=200.0))
    first = await rig.faults.find("f1")
    assert first is not None
    assert (first.count, first.last_at) == (3, 200.0)
    assert first.revisions == {"r1": 2, "r2": 1}
    assert first.samples == ("d", "b", "a")
    assert [(one.fault.id, one.new) for one in rig.stirred] == [("f1", True), ("f2", True)]


async def test_a_replay_is_no_further_error() -> None:
    rig = Rig()
    await rig.second(failed("a"), failed("again", replay_of="a"))
    known = await rig.faults.find("f1")
    assert known is not None
    assert (known.count, known.samples) == (1, ("a",))


async def test_what_is_nobodys_mistake_is_no_group() -> None:
    rig = Rig()
    await rig.second(failed(fault="", ending="overloaded"))
    assert await rig.faults.list() == []


async def test_the_traceback_is_kept_with_the_group() -> None:
    rig = Rig()
    for text in ("something else", "Traceback (most recent call last):\n  here"):
        rig.meter.log(
            LogLine(
                at=1.0,
                app="shop",
                function="users/hi",
                invocation="a",
                instance="x",
                level="error",
                text=text,
            )
        )
    await rig.second(failed("a"))
    found = await rig.faults.find("f1")
    assert found is not None
    assert found.trace.endswith("here")


async def test_a_full_disk_costs_no_count() -> None:
    rig = Rig()
    rig.faults.full = True
    with pytest.raises(Overloaded):
        await rig.second(failed("a"), failed("b"))
    rig.grouping.note(Beat(at=2.0, failed=[failed("c", revision="r2"), failed("d", fault="f2")]))
    rig.faults.full = False
    assert await rig.grouping.step() == 2
    found = await rig.faults.find("f1")
    assert found is not None
    assert (found.count, found.samples) == (3, ("c", "b", "a"))
    assert found.revisions == {"r1": 2, "r2": 1}


async def test_a_storm_of_different_errors_is_bounded() -> None:
    rig = Rig()
    await rig.second(*(failed(str(n), fault=f"f{n}") for n in range(WAITING_MAX + 7)))
    assert rig.grouping.ungrouped == 7


async def test_of_an_app_that_is_gone_nothing_is_written() -> None:
    faults = MemoryFaults()
    grouping = Grouping(
        faults=faults, meter=MemoryMeter(), clock=ManualClock(), exists=lambda app: app == "blog"
    )
    grouping.note(
        Beat(at=1.0, failed=(failed("a", app="shop"), failed("b", app="blog", fault="f2")))
    )
    assert await grouping.step() == 2
    assert [one.id for one in await faults.list()] == ["f2"]


async def test_half_a_character_stops_nobody() -> None:
    rig = Rig()
    await rig.second(failed(message="no \ud800", error="\udfff", where="\ud800"))
    found = await rig.faults.find("f1")
    assert found is not None
    assert found.title == "no ?"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no order 17", "no order 1_700.5"),
        ("KeyError: 'ada'", "KeyError: 'bob'"),
        ('no "a b c" here', 'no "x" here'),
        ("<Thing at 0x7f00aa>", "<Thing at 0x7f00bb>"),
        (
            "id 0189dcd5-5311-7d40-8db0-9496a2eef37b gone",
            "id 0189dcd5-5311-7d40-8db0-9496a2eef000 gone",
        ),
        ("call 01M7ZJSSBDVZG2HS4952D70001 failed", "call 01M7ZJSSBB0W8EG1Y24H180001 failed"),
        ("mail to ada@example.com", "mail to bob.b+x@example.org"),
        ("commit deadbeef12 broke", "commit 12feedbeef broke"),
        ("first line\nsecond", "first line\nanother"),
    ],
)
def test_what_differs_from_time_to_time_does_not_count(one: str, other: str) -> None:
    if "1_700" in other:
        other = other.replace("_", "")
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("no order", "no user"), ("SIGSEGV (signal 11)", "SIGABRT (signal 6)"), ("added", "faded")],
)
def test_what_says_something_counts(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize(
    "message", ["'" * 100_000, '"' + "a" * 100_000, "9" * 100_000, "\0\ud800", "a@" * 50_000]
)
def test_a_hostile_message_costs_little(message: str) -> None:
    assert len(normalised(message)) <= 500


def test_ends_that_say_nothing_are_one_group() -> None:
    same = {"app": "a", "function": "f", "error": "", "frames": ()}
    late = blame(ending="timed_out", message="longer than 3 s", **same)  # type: ignore[arg-type]
    later = blame(ending="timed_out", message="anything else", **same)  # type: ignore[arg-type]
    assert late == later != ""
    for ending in ("ok", "cancelled", "overloaded"):
        assert blame(ending=ending, message="", **same) == ""  # type: ignore[arg-type]


async def test_a_step_ends_when_all_is_written_that_another_has_begun_to_write() -> None:
    rig = Rig()
    rig.grouping.note(Beat(at=1.0, failed=[failed("a")]))
    first = asyncio.create_task(rig.grouping.step())
    await rig.grouping.step()
    assert await rig.faults.find("f1") is not None
    await first
