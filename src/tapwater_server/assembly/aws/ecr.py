"""Names of repositories of container images, which deploying tools make and ask for."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.ecr.repositories import Repositories
from tapwater_server.clouds.aws.ecr.service import Ecr


async def open_ecr(ground: AwsGround) -> AwsPart:
    repositories = Repositories(facts=ground.node.stores.facts, clock=ground.node.clock)
    return AwsPart(names=("ecr",), service=Ecr(repositories).door())
