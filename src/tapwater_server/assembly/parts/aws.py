"""The room of AWS on one node: its services, opened on the same ground, behind one front."""

from collections.abc import Awaitable, Callable, Sequence

from tapwater_server.assembly.aws import front
from tapwater_server.assembly.aws.apigateway import open_apigateway, open_execute_api
from tapwater_server.assembly.aws.cloudformation import open_answers, open_cloudformation
from tapwater_server.assembly.aws.ecr import open_ecr
from tapwater_server.assembly.aws.events import open_events
from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.assembly.aws.iam import open_iam
from tapwater_server.assembly.aws.keeping import open_secrets, open_ssm
from tapwater_server.assembly.aws.lambda_ import open_lambda
from tapwater_server.assembly.aws.lambda_events import open_lambda_events
from tapwater_server.assembly.aws.lending import lender
from tapwater_server.assembly.aws.logs import open_logs
from tapwater_server.assembly.aws.s3 import open_s3
from tapwater_server.assembly.aws.s3_events import open_s3_events
from tapwater_server.assembly.aws.scheduler import open_scheduler
from tapwater_server.assembly.aws.sns import open_sns
from tapwater_server.assembly.aws.sqs import open_sqs
from tapwater_server.assembly.aws.sts import open_sts
from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.clouds.aws.front.front import Directory
from tapwater_server.clouds.aws.post.targets import ByService
from tapwater_server.clouds.aws.reaching import Functions

# In the order they are opened, each from its own file in assembly/aws/.
SERVICES: Sequence[Callable[[AwsGround], Awaitable[AwsPart]]] = (
    open_s3,
    open_lambda,
    open_sqs,
    open_sns,
    open_sts,
    open_iam,
    open_logs,
    open_ssm,
    open_secrets,
    open_ecr,
    open_lambda_events,
    open_events,
    open_s3_events,
    open_scheduler,
    open_apigateway,
    open_execute_api,
    open_cloudformation,
    open_answers,
)


async def open(ground: Ground, parts: Sequence[Part]) -> Part:
    """Open the services; ``parts`` are our own, which they stand on."""
    targets, directory = ByService(), Directory()
    keys, permits = front.open_keys(ground), front.open_permits(ground)
    ground.furnished.lend = lender(keys, ground.stores.facts)
    found: list[AwsPart] = []

    def functions() -> Functions:
        return next(one.functions for one in found if one.functions is not None)

    base = AwsGround(
        node=ground,
        parts={part.name: part.service for part in parts},
        functions=functions,
        targets=targets,
        keys=keys,
        permits=permits,
        services=directory.services,
    )
    for open_service in SERVICES:
        part = await open_service(base)
        found.append(part)
        targets.add(part.targets)
        if part.service is not None:
            directory.add(part.names, part.service, part.paths)
    hasty = {part.names[0]: part.hasty for part in found if part.hasty is not None}
    return Part(
        name="aws",
        loops=tuple(loop for part in found for loop in part.loops),
        erase=lambda app: ground.stores.facts.erase(f"aws/{app}"),
        node=front.open_api(ground, keys),
        cloud=front.open_front(ground, keys, permits, directory, hasty),
    )
