"""From the queue to the disk; and when the disk will not."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from tapwater_server.backends.memory.recordings import MemoryRecordings
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.errors import StorageFull
from tapwater_server.model.invocation import Ending
from tapwater_server.model.masking import Forms, written_forms
from tapwater_server.model.playback import join_frame
from tapwater_server.model.recording import Recording
from tapwater_server.model.tape import Question, Tape
from tapwater_server.ports.invoker import Gathered
from tapwater_server.services.replay.recorder import Recorder
from tapwater_server.services.replay.settings import DAY_S, ReplaySettings
from tapwater_server.services.replay.writing import Writing
from tapwater_server.testing.clock import ManualClock
from tapwater_server.testing.invoker import ScriptedCall, ScriptedInvoker
from tests.unit.services.replay.calls import APP, call

FORMS = written_forms(["swordfish"])
LEAVES = join_frame({"method": "PUT", "path": "/docs/a"}, b'{"note":"the swordfish"}')


class Full(MemoryRecordings):
    """A disk that is full for a while."""

    full = True

    async def put(self, recordings: Sequence[Recording]) -> None:
        if self.full:
            raise StorageFull("no room")
        await super().put(recordings)


class Bench:
    def __init__(self, recordings: MemoryRecordings | None = None) -> None:
        self.apps = {APP}
        self.recordings = recordings or MemoryRecordings()
        self.clock, settings = ManualClock(), ReplaySettings(share=0.0)
        self.recorder = Recorder(
            ScriptedInvoker(self._fail), clock=self.clock, ids=SystemIds(), settings=settings
        )
        self.writing = Writing(
            recorder=self.recorder,
            recordings=self.recordings,
            forms_of=self._forms,
            clock=self.clock,
            settings=settings,
            exists=lambda app: app in self.apps,
        )

    def fail(self, id: str, **changes: Any) -> None:
        self.recorder.start(call(id=id, **changes), Gathered(body_bytes_max=1 << 20))

    message = "ValueError: swordfish"

    def _fail(self, call: ScriptedCall) -> None:
        call.end(Ending.USER_ERROR, message=self.message)

    @staticmethod
    def _forms(app: str) -> Forms:
        assert app == APP
        return FORMS


async def test_what_was_taken_is_written_and_masked() -> None:
    bench = Bench()
    question = Question(name="service", body=LEAVES, answer=LEAVES, answered=True)
    bench.fail(
        "01",
        headers=[(b"authorization", b"Bearer swordfish"), (b"cookie", b"a=swordfish")],
        body=b'{"password":"x","say":"swordfish!"}',
        query=b"token=abc&q=swordfish",
        tape=Tape(questions=[question], size_bytes=500),
    )
    assert bench.recorder.waiting_bytes > 500
    await bench.writing.flush()
    assert bench.recorder.waiting_bytes == 0
    found = await bench.recordings.get("01")
    assert found is not None
    assert "swordfish" not in repr(found)
    assert found.body == '{"password":"•••","say":"•••!"}'.encode()
    assert found.query == "token=•••&q=•••".encode()


async def test_a_form_is_masked_by_its_names() -> None:
    bench = Bench()
    kind = (b"content-type", b"application/x-www-form-urlencoded")
    bench.fail("01", headers=[kind], body=b"name=ada&password=hunter2")
    await bench.writing.flush()
    found = await bench.recordings.get("01")
    assert found is not None
    assert found.body == "name=ada&password=•••".encode()


async def test_the_loop_writes_as_calls_are_taken() -> None:
    bench = Bench()
    loop = asyncio.ensure_future(bench.writing.run())
    for number in range(200):
        bench.fail(f"{number:03}")
    async with asyncio.timeout(10):
        while bench.recorder.waiting or not await bench.recordings.get("199"):
            await bench.clock.advance(0.01)
    loop.cancel()


async def test_a_full_disk_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    full = Full()
    bench = Bench(full)
    with caplog.at_level(logging.ERROR):
        for number in range(3):
            bench.fail(f"0{number}")
            await bench.writing.settle()
    assert len(caplog.records) == 1
    assert (bench.recorder.dropped, len(bench.recorder.waiting)) == (3, 0)
    full.full = False
    bench.fail("07")
    await bench.writing.settle()
    assert await full.get("07") is not None


async def test_an_app_takes_along_what_was_to_be_written() -> None:
    bench = Bench()
    bench.fail("01")
    await bench.writing.erase(APP)
    assert await bench.recordings.get("01") is None


async def test_a_call_that_ends_after_its_app_is_not_written() -> None:
    bench = Bench()
    bench.apps.clear()
    await bench.writing.erase(APP)
    bench.fail("01")
    assert await bench.writing.step() == 1
    assert await bench.recordings.get("01") is None


async def test_what_is_old_is_swept() -> None:
    bench = Bench()
    bench.fail("01")
    await bench.writing.flush()
    await bench.clock.advance(6 * DAY_S)
    await bench.writing.sweep()
    assert await bench.recordings.get("01") is not None
    await bench.clock.advance(2 * DAY_S)
    await bench.writing.sweep()
    assert await bench.recordings.get("01") is None


class Strict(MemoryRecordings):
    """A disk that takes no half characters, as SQLite's."""

    async def put(self, recordings: Sequence[Recording]) -> None:
        for one in recordings:
            one.message.encode()
        await super().put(recordings)


async def test_what_cannot_be_written_takes_nothing_with_it() -> None:
    bench = Bench(Strict())
    bench.fail("01")
    bench.message = "half \ud800"
    bench.fail("02")
    bench.message = "fine"
    bench.fail("03")
    await bench.writing.flush()
    assert await bench.recordings.get("01") is not None
    assert await bench.recordings.get("02") is None
    assert await bench.recordings.get("03") is not None
    assert bench.recorder.dropped == 1


async def test_secrets_in_parts_of_the_path_are_hidden() -> None:
    bench = Bench()
    bench.fail("01", path="/find/swordfish", params={"what": "swordfish"})
    await bench.writing.flush()
    found = await bench.recordings.get("01")
    assert found is not None
    assert found.path == "/find/•••"
    assert found.params == {"what": "•••"}
