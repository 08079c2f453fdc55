"""EventBridge Scheduler on one node."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.protocol.service import ModelService
from tapwater_server.clouds.aws.scheduler.groups import Groups
from tapwater_server.clouds.aws.scheduler.schedules import Schedules
from tapwater_server.clouds.aws.scheduler.store import Store
from tapwater_server.clouds.aws.scheduler.timing import PlannedTimes


async def open_scheduler(ground: AwsGround) -> AwsPart:
    """Build the service; the loop of all schedules sees to its times."""
    node = ground.node
    store = Store(facts=node.stores.facts)
    node.timetables.add(PlannedTimes(store=store))
    handlers = {
        **Schedules(store=store, clock=node.clock, ids=node.ids).handlers(),
        **Groups(store=store, clock=node.clock).handlers(),
    }
    return AwsPart(
        names=("scheduler",),
        service=ModelService("scheduler", handlers, protocol="rest-json"),
    )
