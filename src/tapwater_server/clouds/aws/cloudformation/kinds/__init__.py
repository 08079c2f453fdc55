"""The types of resources that are known: a file for each service."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.cloudformation.kind import Kind
from tapwater_server.clouds.aws.cloudformation.kinds import (
    apis,
    events,
    functions,
    http_apis,
    iam,
    layers,
    logs,
    mappings,
    nested,
    rest_parts,
    s3,
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
        apis.KINDS,
        rest_parts.KINDS,
        http_apis.KINDS,
        nested.KINDS,
    )
    for kind in table
}
