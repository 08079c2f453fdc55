"""What a request asks to do, as policies call it: an action, and the ARN of what it is done to."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.front.naming import resources_of, roles_of
from tapwater_server.clouds.aws.protocol.models import Model
from tapwater_server.clouds.aws.protocol.reading import find_operation, read_params


class Wish(NamedTuple):
    """What somebody wants to do, and to what."""

    action: str
    resource: str


# Services whose model is called otherwise than the scope of their signatures.
MODELS: Mapping[str, str] = {"states": "stepfunctions", "monitoring": "cloudwatch"}
_ACTIONS: Mapping[str, str] = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}
_PASSED = frozenset({"lambda", "cloudformation", "events", "scheduler"})  # Take roles on later.


def wishes_of(model: Model, service: str, asked: AwsAsked) -> Sequence[Wish]:
    """Read what is wished, of a service that botocore has a model of.

    Raises:
        AwsError: the service has no such operation.
    """
    if service == "apigateway":  # Its actions are methods, its resources paths.
        return [Wish(f"apigateway:{asked.method}", _of_path(asked))]
    body = asked.whole or b""
    operation, labels = find_operation(model, asked, body)
    action = f"{service}:{operation.name}"
    try:
        params = read_params(model, operation, asked, body, labels)
    except AwsError:
        params = dict(labels)  # The service itself says what is wrong with it.
    resources = resources_of(asked.account, service, operation.name, params, path=asked.path)
    action = _ACTIONS.get(action, action)
    wishes = [Wish(action, resource) for resource in resources]
    if service in _PASSED:  # Or who may make a function could do whatever some role may.
        wishes += [Wish("iam:PassRole", role) for role in roles_of(params)]
    return wishes


def _of_path(asked: AwsAsked) -> str:
    return f"arn:aws:apigateway:{asked.account.region}::{asked.path}"
