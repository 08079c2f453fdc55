"""Where functions find what is not in their code: the parameter store, and Secrets Manager."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.secretsmanager.service import SecretsManager
from tapwater_server.clouds.aws.secretsmanager.store import Store
from tapwater_server.clouds.aws.ssm.parameters import Parameters
from tapwater_server.clouds.aws.ssm.service import Ssm


async def open_ssm(ground: AwsGround) -> AwsPart:
    stores, clock = ground.node.stores, ground.node.clock
    parameters = Parameters(facts=stores.facts, secrets=stores.secrets, clock=clock)
    return AwsPart(names=("ssm",), service=Ssm(parameters).door())


async def open_secrets(ground: AwsGround) -> AwsPart:
    stores, clock = ground.node.stores, ground.node.clock
    store = Store(facts=stores.facts, secrets=stores.secrets, clock=clock)
    door = SecretsManager(store, ids=ground.node.ids).door()
    ground.permits.call_in_full("secretsmanager", store.arn)
    return AwsPart(names=("secretsmanager",), service=door)
