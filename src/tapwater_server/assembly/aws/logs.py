"""CloudWatch Logs on this node's logs."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.logs.events import Events
from tapwater_server.clouds.aws.logs.groups import Groups
from tapwater_server.clouds.aws.logs.service import Logs
from tapwater_server.clouds.aws.logs.targets import GroupTargets


async def open_logs(ground: AwsGround) -> AwsPart:
    stores, clock = ground.node.stores, ground.node.clock
    groups = Groups(facts=stores.facts, clock=clock)
    events = Events(groups=groups, meter=stores.masked, reading=stores.meter, clock=clock)
    return AwsPart(
        names=("logs",),
        service=Logs(groups=groups, events=events).door(),
        targets={
            "logs": GroupTargets(
                groups=groups, facts=stores.facts, meter=stores.masked, clock=clock
            )
        },
    )
