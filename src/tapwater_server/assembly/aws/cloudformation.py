"""CloudFormation on one node: it asks all other services through their own doors."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.assembly.furnishing import ENDPOINT
from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.cloudformation.service import Formation
from tapwater_server.clouds.aws.front.troubles import Family
from tapwater_server.clouds.aws.inside.asking import Inside


async def open_cloudformation(ground: AwsGround) -> AwsPart:
    """Open the service, and the loop that carries its operations out."""
    node = ground.node

    async def permits(asked: AwsAsked) -> None:
        await ground.permits.check(asked, Family.QUERY)

    api = Inside(services=ground.services, permits=permits, ids=node.ids)
    formation = Formation(
        facts=node.stores.facts,
        api=api,
        inner=ENDPOINT,
        clock=node.clock,
        ids=node.ids,
    )
    ground.left["cloudformation"] = formation
    return AwsPart(
        names=("cloudformation",), service=formation.door(), loops=(formation.operator.run(),)
    )


async def open_answers(ground: AwsGround) -> AwsPart:
    """Open what takes the answers of custom resources: an address that nobody signs for."""
    formation: Formation = ground.left["cloudformation"]
    return AwsPart(names=("cloudformation-response",), service=formation.answers())
