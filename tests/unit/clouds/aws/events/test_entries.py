"""PutEvents: each entry is taken or refused by itself, and counted once."""

from collections.abc import AsyncIterator
from typing import Any

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.events.carrying import Carrier
from tapwater_server.clouds.aws.events.entries import Entries
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.testing.clock import CountingIds, ManualClock
from tests.unit.clouds.aws.lambda_events.kit import ACCOUNT

ENTRY = {"Source": "shop", "DetailType": "Order", "Detail": "{}"}


async def nothing() -> AsyncIterator[bytes]:
    for piece in tuple[bytes, ...]():
        yield piece


def asked() -> AwsAsked:
    caller = Caller(account=ACCOUNT)
    return AwsAsked(caller=caller, service="events", id="1", method="POST", path="/", body=nothing)


async def put(request: AwsAsked, *entries: Any) -> Any:
    clock, ids, store = ManualClock(), CountingIds(), Store(facts=MemoryFacts())
    carrier = Carrier(store=store, bus=MemoryBus(clock=clock), clock=clock, ids=ids)
    taker = Entries(store=store, carrier=carrier, clock=clock, ids=ids)
    return await taker.handlers()["PutEvents"](request, {"Entries": list(entries)})


async def test_what_is_taken_is_counted_once_and_what_is_refused_not() -> None:
    request = asked()
    said = await put(request, ENTRY, ENTRY, {**ENTRY, "Detail": "no"})
    assert said["FailedEntryCount"] == 1
    assert request.used == {"events": 2}
