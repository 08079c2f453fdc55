"""The types of resources that are known: a file for each service."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.cloudformation.kind import Kind
from tapwater_server.clouds.aws.cloudformation.kinds import (
    apis,
    custom,
    ecr,
    events,
    functions,
    http_apis,
    iam,
    layers,
    logs,
    mappings,
    nested,
    rest_checks,
    rest_parts,
    s3,
    secretsmanager,
    sns,
    sqs,
    ssm,
)

KINDS: Mapping[str, Kind] = {
    kind.type: kind
    for table in (
        functions.KINDS,
        layers.KINDS,
        mappings.KINDS,
        iam.KINDS,
        s3.KINDS,
        sqs.KINDS,
        sns.KINDS,
        events.KINDS,
        logs.KINDS,
        ssm.KINDS,
        ecr.KINDS,
        secretsmanager.KINDS,
        apis.KINDS,
        rest_parts.KINDS,
        rest_checks.KINDS,
        http_apis.KINDS,
        nested.KINDS,
        custom.KINDS,
    )
    for kind in table
}
