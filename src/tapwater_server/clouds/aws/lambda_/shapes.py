"""Of which JSON type the members of Lambda's requests are. Pure."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.lambda_.refusals import refused

_KINDS: Mapping[type, str] = {
    str: (
        "Action AuthType CodeSha256 CodeSigningConfigArn Description FunctionName "
        "FunctionUrlAuthType FunctionVersion Handler InvokeMode KMSKeyArn LicenseInfo Name "
        "PackageType Principal RecursiveLoop RevisionId Role Runtime RuntimeVersionArn S3Bucket "
        "S3Key S3ObjectVersion SourceAccount SourceArn StatementId UpdateRuntimeOn ZipFile "
        "EventSourceToken PrincipalOrgID OrganizationId ImageUri"
    ),
    int: (
        "MaximumEventAgeInSeconds MaximumRetryAttempts MemorySize ProvisionedConcurrentExecutions "
        "ReservedConcurrentExecutions Timeout"
    ),
    bool: "DryRun InvokedViaFunctionUrl Publish",
    list: "Architectures CompatibleArchitectures CompatibleRuntimes FileSystemConfigs Layers",
    dict: (
        "AllowedPublishers Code CodeSigningPolicies Content Cors DeadLetterConfig "
        "DestinationConfig Environment EphemeralStorage LoggingConfig RoutingConfig SnapStart Tags "
        "TracingConfig VpcConfig"
    ),
}
TYPES: Mapping[str, type] = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_DEPTH_MAX = 16


def check_types(body: Mapping[str, Any]) -> None:
    """See that members are of their JSON type, and texts within lists.

    Raises:
        AwsError: one is not.
    """
    for name, value in body.items():
        kind = TYPES.get(name)
        if value is not None and kind is not None and not _fits(value, kind):
            raise refused("SerializationException", f"{name} is of the wrong type")
    if _is_deep(body, _DEPTH_MAX):
        raise refused("SerializationException", "The request is nested too deeply")


def _fits(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is int:
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if kind is list:
        return isinstance(value, list) and all(isinstance(one, str | dict) for one in value)
    return isinstance(value, kind)


def _is_deep(value: object, left: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not left or any(_is_deep(one, left - 1) for one in inner)
