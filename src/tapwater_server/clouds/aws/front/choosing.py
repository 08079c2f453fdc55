"""Which service is meant: by the host, the signature's scope, the target, the path. Pure."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.front.hosts import Place
from tapwater_server.clouds.aws.front.troubles import Family

# X-Amz-Target's prefix -> the scope of the service's signatures.
TARGETS: Mapping[str, str] = {
    "AmazonSQS": "sqs",
    "AWSEvents": "events",
    "Logs_20140328": "logs",
    "AmazonSSM": "ssm",
    "secretsmanager": "secretsmanager",
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodb",
    "AWSStepFunctions": "states",
    "TrentService": "kms",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
}
BY_HOST = frozenset({"lambda-url", "execute-api", "cloudformation-response"})
# The scopes that signatures for them must have, where a host names something else.
SCOPES: Mapping[str, str] = {"lambda-url": "lambda"}
_QUERY = frozenset({"sts", "iam", "sns", "cloudformation", "sqs", "monitoring"})
_JSON = frozenset(TARGETS.values())


def choose_service(
    *, place: Place, scope: str, headers: Mapping[str, str], path: str, paths: Mapping[str, str]
) -> str:
    """Name the service; ``scope``: of the signature, "" without one; ``paths``: beginnings of
    paths and whose they are. "": none of these says it.
    """
    if place.service in BY_HOST:
        return place.service
    if scope:
        return scope
    target = headers.get("x-amz-target", "").partition(".")[0]
    if target:
        return TARGETS.get(target, target)
    if place.service:
        return place.service
    return next((name for start, name in paths.items() if path.startswith(start)), "")


def family_of(service: str, headers: Mapping[str, str]) -> Family:
    """Say how a service speaks, to a client that sends these headers.

    >>> family_of("sqs", {"x-amz-target": "AmazonSQS.SendMessage"}).value
    'json'
    """
    if service == "s3":
        return Family.S3
    if "x-amz-target" in headers:
        return Family.JSON
    if service in _QUERY:
        return Family.QUERY
    return Family.JSON if service in _JSON else Family.REST
