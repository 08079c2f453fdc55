"""How a zygote's ceiling follows the number of its instances."""

from typing import cast

from tapwater_server.backends.linux.group import Group
from tapwater_server.backends.linux.headroom import INSTANCE_BYTES, STEP, Headroom
from tapwater_server.model.function import FunctionLimits

OWN = 64 << 20


class Ceiling:
    """Remembers what was allowed."""

    def __init__(self) -> None:
        self.allowed: list[int] = []

    def allow_memory(self, size_bytes: int) -> None:
        self.allowed.append(size_bytes)


def follow(*counts: int) -> list[int]:
    ceiling = Ceiling()
    headroom = Headroom(cast(Group, ceiling), FunctionLimits(memory_bytes=OWN))
    for count in counts:
        headroom.fit(count)
    return ceiling.allowed


def test_the_first_instance_makes_room_for_a_step_of_them() -> None:
    (allowed,) = follow(0, 1, 2, STEP)
    assert allowed >= OWN + STEP * INSTANCE_BYTES


def test_a_crowd_has_room_each() -> None:
    assert follow(*range(1, 201))[-1] >= OWN + 200 * INSTANCE_BYTES


def test_a_large_function_has_room_for_its_page_tables() -> None:
    ceiling = Ceiling()
    large = FunctionLimits(memory_bytes=8 << 30)
    Headroom(cast(Group, ceiling), large).fit(1)
    assert ceiling.allowed[0] - large.memory_bytes >= STEP * (8 << 30) // 512


def test_when_they_have_gone_the_room_goes_too_but_not_at_every_turn() -> None:
    allowed = follow(STEP + 1, STEP, STEP + 1, STEP, 0)
    assert allowed[0] > allowed[-1] == OWN
    assert len(allowed) == 2
