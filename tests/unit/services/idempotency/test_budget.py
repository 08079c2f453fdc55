"""The room for kept answers."""

from tapwater_server.model.ids import AppId
from tapwater_server.services.idempotency.answers import KEEP_S
from tapwater_server.services.idempotency.budget import ROW_BYTES, Budget
from tapwater_server.testing.clock import ManualClock

SHOP = AppId("shop")


async def test_an_app_has_so_much_room_and_gets_it_back_after_a_day() -> None:
    clock = ManualClock()
    budget = Budget(clock=clock, app_bytes_max=2 * (ROW_BYTES + 10))
    assert [budget.take(SHOP, 10) for _ in range(3)] == [True, True, False]
    assert budget.take(AppId("other"), 10)
    await clock.advance(KEEP_S - 3600)
    assert not budget.take(SHOP, 10)
    await clock.advance(3 * 3600)
    assert budget.take(SHOP, 10)
