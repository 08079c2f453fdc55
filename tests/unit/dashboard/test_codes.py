"""Codes that sign in once, and attempts that are counted."""

import pytest

from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.dashboard import attempts
from tapwater_server.dashboard.attempts import Attempts
from tapwater_server.dashboard.codes import CODES_MAX, GOOD_S, Codes
from tapwater_server.model.errors import RateLimited
from tapwater_server.testing.clock import ManualClock

TOKEN = b"hash of a token"


def codes_and_clock() -> tuple[Codes, ManualClock]:
    clock = ManualClock()
    return Codes(clock=clock, ids=SystemIds()), clock


async def test_a_code_is_good_once() -> None:
    codes, _ = codes_and_clock()
    code = codes.give(TOKEN)
    assert codes.take("another") is None
    assert codes.take(code) == TOKEN
    assert codes.take(code) is None


async def test_a_code_is_not_good_for_long() -> None:
    codes, clock = codes_and_clock()
    code = codes.give(TOKEN)
    await clock.advance(GOOD_S + 1)
    assert codes.take(code) is None


async def test_there_are_only_so_many() -> None:
    codes, _ = codes_and_clock()
    made = [codes.give(TOKEN) for _ in range(CODES_MAX + 1)]
    assert codes.take(made[0]) is None
    assert codes.take(made[1]) == TOKEN


async def test_who_fails_too_often_must_wait_and_others_need_not() -> None:
    clock = ManualClock()
    counted = Attempts(clock=clock)
    for _ in range(attempts.BURST):
        counted.check("192.0.2.7")
        counted.failed("192.0.2.7")
    with pytest.raises(RateLimited):
        counted.check("192.0.2.7")
    counted.check("192.0.2.8")
    await clock.advance(attempts.EACH_S + 0.1)
    counted.check("192.0.2.7")


async def test_one_network_of_ipv6_is_one_client() -> None:
    counted = Attempts(clock=ManualClock())
    for number in range(attempts.BURST):
        counted.failed(f"2001:db8::{number:x}")
    with pytest.raises(RateLimited):
        counted.check("2001:db8::ffff")


async def test_only_so_many_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "CLIENTS_MAX", 2)
    counted = Attempts(clock=ManualClock())
    for _ in range(attempts.BURST):
        counted.failed("192.0.2.1")
    counted.failed("192.0.2.2")
    counted.failed("192.0.2.3")
    counted.check("192.0.2.1")  # Forgotten: memory stays bounded.
