"""IAM on this node."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.iam.service import Iam


async def open_iam(ground: AwsGround) -> AwsPart:
    node = ground.node
    iam = Iam(facts=node.stores.facts, keys=ground.keys, clock=node.clock, ids=node.ids)
    ground.permits.by(iam.policies_of)
    return AwsPart(names=("iam",), service=iam.door())
