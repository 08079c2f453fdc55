"""STS on this node."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.sts.service import Sts


async def open_sts(ground: AwsGround) -> AwsPart:
    node = ground.node
    sts = Sts(lender=ground.keys, facts=node.stores.facts, clock=node.clock)
    return AwsPart(names=("sts",), service=sts.door())
