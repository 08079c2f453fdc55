"""EventBridge on one node."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.events.buses import Buses
from tapwater_server.clouds.aws.events.carrying import Carrier
from tapwater_server.clouds.aws.events.entries import Entries
from tapwater_server.clouds.aws.events.rules import Rules
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.clouds.aws.events.targets import TargetsOfRules
from tapwater_server.clouds.aws.events.timing import RuleTimes
from tapwater_server.clouds.aws.protocol.service import ModelService


async def open_events(ground: AwsGround) -> AwsPart:
    """Build the service; the loop of all schedules sees to those of rules."""
    node = ground.node
    stores, clock, ids = node.stores, node.clock, node.ids
    store = Store(facts=stores.facts)
    carrier = Carrier(store=store, bus=stores.bus, clock=clock, ids=ids)
    node.timetables.add(RuleTimes(store=store))
    handlers = {
        **Buses(store=store, clock=clock).handlers(),
        **Rules(store=store, clock=clock).handlers(),
        **TargetsOfRules(store=store).handlers(),
        **Entries(store=store, carrier=carrier, clock=clock, ids=ids).handlers(),
    }
    return AwsPart(
        names=("events",),
        service=ModelService("events", handlers, protocol="json"),
        targets={"events": carrier},
    )
