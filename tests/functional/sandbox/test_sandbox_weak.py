"""Machines that cannot confine: refused, unless weak isolation was asked for."""

from pathlib import Path

import pytest

from tapwater_server.backends.linux.layers import Probe
from tapwater_server.model.errors import StartFailed
from tapwater_server.ports.sandbox import Death
from tests.sandbox_kit import (
    HELLO,
    Talk,
    alive,
    image,
    limits,
    linux_sandbox,
    processes_of,
    wait_until,
    write_code,
)

LACKING = Probe(
    namespaces={"mount": "not permitted"},
    user="",
    nested="not permitted",
    seccomp="",
    no_new_privs="",
    landlock=0,
)


async def test_a_machine_without_namespaces_is_refused(tmp_path: Path) -> None:
    async with linux_sandbox(tmp_path, probe=lambda: LACKING) as sandbox:
        with pytest.raises(StartFailed, match="does not let us confine"):
            await sandbox.open(image(write_code(tmp_path, HELLO)))


async def test_weak_isolation_runs_with_a_warning_and_ends_all(tmp_path: Path) -> None:
    text = """
import subprocess
def get():
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    return [line.split()[1] for line in open("/proc/self/status") if line[:8] == "Seccomp:"]
"""
    async with linux_sandbox(tmp_path, probe=lambda: LACKING, allow_weak=True) as sandbox:
        zygote = await sandbox.open(image(write_code(tmp_path, text)))
        talk = Talk(await zygote.fork(limits()))
        assert "not well confined" in zygote.warnings[0]
        assert (await talk.call()).value == ["2"]
        family = processes_of(talk.guest.pid)
        assert len(family) == 2
        talk.guest.kill()
        assert (await talk.wait_died()).death is Death.KILLED
        await wait_until(lambda: not any(alive(pid) for pid in family))
        talk.close()


async def test_layers_are_told_with_what_their_absence_means(tmp_path: Path) -> None:
    async with linux_sandbox(tmp_path) as sandbox:
        layers = {layer.name: layer for layer in sandbox.layers()}
    assert layers["seccomp"].present
    assert all(layer.present or layer.without for layer in layers.values())
