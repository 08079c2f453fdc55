"""What a process uses, read from outside; of this very process."""

import os

from tapwater_server.backends.linux import usage

NOBODY = 2**22 + 1  # Above the largest pid there is.


def test_of_ourselves_we_know_everything() -> None:
    pid = os.getpid()
    assert (usage.cpu_s(pid) or 0) > 0
    assert (usage.memory_peak_bytes(pid) or 0) >= (usage.memory_held_bytes(pid) or 0) > 1 << 20
    assert (usage.memory_resident_bytes(pid) or 0) > 1 << 20
    assert usage.tree(pid)[pid] >= 1
    assert usage.children_cpu_s(pid) is not None


def test_of_nobody_we_know_nothing() -> None:
    assert usage.cpu_s(NOBODY) is None
    assert usage.children_cpu_s(NOBODY) is None
    assert usage.memory_peak_bytes(NOBODY) is None
    assert usage.memory_held_bytes(NOBODY) is None
    assert usage.tree(NOBODY) == {}
