"""An instance forked ahead: it is what the first call gets, and it goes when nobody wants it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.backends.linux.egress import Egress
from tapwater_server.backends.linux.sandbox import LinuxSandbox
from tapwater_server.backends.linux.zygote import LinuxZygote
from tests import sandbox_kit
from tests.sandbox_kit import Talk, image, limits, linux_sandbox, wait_until, write_code

WHO = "import os\nimport random\n\ndef get():\n    return [os.getpid(), random.random()]\n"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[LinuxSandbox]:
    async with linux_sandbox(tmp_path, spares=1) as made:
        yield made


async def spare_of(zygote: LinuxZygote) -> int:
    """Wait until there is one that waits for the word; give its pid."""
    await wait_until(lambda: zygote.spare_pid > 0)
    return zygote.spare_pid


async def open_one(sandbox: LinuxSandbox, folder: Path) -> LinuxZygote:
    return await sandbox.open(image(write_code(folder, WHO)))


async def test_the_first_fork_is_the_spare_and_the_second_is_not(
    sandbox: LinuxSandbox, tmp_path: Path
) -> None:
    zygote = await open_one(sandbox, tmp_path)
    waiting = await spare_of(zygote)
    first = Talk(await zygote.fork(limits()))
    second = Talk(await zygote.fork(limits()))
    assert first.guest.pid == waiting != second.guest.pid
    answers = [(await talk.call()).value for talk in (first, second)]
    assert answers[0][1] != answers[1][1]
    await first.end()
    assert zygote.spare_pid == 0
    await second.end()
    again = await spare_of(zygote)  # Idle once more: there is a new one.
    assert again not in (first.guest.pid, second.guest.pid)


async def test_a_spare_that_has_died_is_not_handed_out(
    sandbox: LinuxSandbox, tmp_path: Path
) -> None:
    zygote = await open_one(sandbox, tmp_path)
    waiting = await spare_of(zygote)
    os.kill(waiting, signal.SIGKILL)
    await wait_until(lambda: zygote.spare_pid == 0)
    talk = Talk(await zygote.fork(limits()))
    assert (await talk.call()).status == 200
    await talk.end()


async def test_other_limits_get_an_instance_of_their_own(
    sandbox: LinuxSandbox, tmp_path: Path
) -> None:
    zygote = await open_one(sandbox, tmp_path)
    waiting = await spare_of(zygote)
    talk = Talk(await zygote.fork(limits(pids_max=7)))
    assert talk.guest.pid != waiting
    assert (await talk.call()).status == 200
    await talk.end()


async def test_the_spare_ends_with_its_zygote_or_with_its_turn(
    sandbox: LinuxSandbox, tmp_path: Path
) -> None:
    first = await open_one(sandbox, tmp_path)
    waiting = await spare_of(first)
    second = await open_one(sandbox, tmp_path)
    assert first.spare_pid == 0
    await wait_until(lambda: not Path(f"/proc/{waiting}").exists())
    other = await spare_of(second)
    await second.close()
    await wait_until(lambda: not Path(f"/proc/{other}").exists())
    assert sandbox.stats().zygotes == 1


async def test_what_serves_instances_is_kept_until_the_last_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Egress forwarders and the uid: also where the zygote ends before its instances."""
    alive_at_close: list[int] = []

    class Watched(Egress):
        def serve(self, *given: Any) -> Any:  # type: ignore[override]
            forwarder = super().serve(*given)
            close = forwarder.close

            class Closing:
                def close(self) -> None:
                    alive_at_close.append(made.stats().guests)
                    close()

            return Closing()

    monkeypatch.setattr(sandbox_kit, "Egress", Watched)
    async with linux_sandbox(tmp_path) as made:
        zygote = await open_one(made, tmp_path)
        talks = [Talk(await zygote.fork(limits())) for _ in range(3)]
        os.kill(zygote.pid, signal.SIGKILL)
        await asyncio.gather(*(talk.wait_died() for talk in talks))
        await asyncio.wait_for(zygote.over.wait(), 10)
        assert alive_at_close == [0]
        for talk in talks:
            talk.close()
