"""CloudFormation on one node: it asks all other services through their own doors."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.cloudformation.service import Formation
from tapwater_server.clouds.aws.front.troubles import Family
from tapwater_server.clouds.aws.inside import Inside


async def open_cloudformation(ground: AwsGround) -> AwsPart:
    """Open the service, and the loop that carries its operations out."""
    node = ground.node

    async def permits(asked: AwsAsked) -> None:
        await ground.permits.check(asked, Family.QUERY)

    api = Inside(services=ground.services, permits=permits, ids=node.ids)
    formation = Formation(facts=node.stores.facts, api=api, clock=node.clock, ids=node.ids)
    return AwsPart(
        names=("cloudformation",), service=formation.door(), loops=(formation.operator.run(),)
    )
