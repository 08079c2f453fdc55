"""What may be said of an event source mapping. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_events.mappings import REPORT
from tapwater_server.clouds.aws.rules.patterns import BadPattern, compile_pattern

SIZE_MAX, SIZE_ORDERED_MAX = 10_000, 10
WINDOW_S_MAX = 300
CONCURRENCY_MIN, CONCURRENCY_MAX = 2, 1_000
FILTERS_MAX = 10
_OTHERS = {
    "dynamodb": "DynamoDB streams",
    "kinesis": "Kinesis",
    "kafka": "Kafka",
    "mq": "Amazon MQ",
    "rds": "DocumentDB",
}
# What only streams, Kafka and MQ know: said of a queue, it is a mistake.
_NOT_OF_QUEUES = (
    "StartingPosition",
    "StartingPositionTimestamp",
    "ParallelizationFactor",
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "Topics",
    "Queues",
    "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "DestinationConfig",
    "SourceAccessConfigurations",
)


def invalid(message: str) -> AwsError:
    """Make the error of a value that cannot be."""
    return AwsError("InvalidParameterValueException", message, 400, facts={"Type": "User"})


def check_source(service: str) -> None:
    """Refuse sources that are not queues.

    Raises:
        AwsError: it is one.
    """
    if service != "sqs":
        name = _OTHERS.get(service, service or "This")
        raise invalid(
            f"{name} as an event source is not offered by this platform: only Amazon SQS is."
        )


def check_said(said: Mapping[str, Any], *, ordered: bool) -> None:
    """Check what is said of a mapping whose source is a queue.

    Raises:
        AwsError: something of it cannot be.
    """
    for name in _NOT_OF_QUEUES:
        if said.get(name) not in (None, [], {}):
            raise invalid(f"Unsupported parameter for given event source type: {name}")
    if (said.get("ProvisionedPollerConfig") or {}) != {}:
        raise invalid("ProvisionedPollerConfig is not offered by this platform.")
    _check_size(said, ordered=ordered)
    unknown = set(said.get("FunctionResponseTypes") or ()) - {REPORT}
    if unknown:
        raise invalid(f"Unknown FunctionResponseTypes: {', '.join(sorted(unknown))}")
    wanted = (said.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if wanted is not None and not CONCURRENCY_MIN <= wanted <= CONCURRENCY_MAX:
        raise invalid(
            f"MaximumConcurrency must be from {CONCURRENCY_MIN} to {CONCURRENCY_MAX}, "
            f"and not {wanted}"
        )


def _check_size(said: Mapping[str, Any], *, ordered: bool) -> None:
    size = 10 if said.get("BatchSize") is None else said["BatchSize"]
    window_s = said.get("MaximumBatchingWindowInSeconds") or 0
    size_max = SIZE_ORDERED_MAX if ordered else SIZE_MAX
    if not 1 <= size <= size_max:
        raise invalid(f"Batch size must be from 1 to {size_max} for this queue, and not {size}")
    if not 0 <= window_s <= WINDOW_S_MAX:
        raise invalid(f"MaximumBatchingWindowInSeconds must be from 0 to {WINDOW_S_MAX}")
    if ordered and window_s:
        raise invalid("Batching window is not supported for FIFO queues.")
    if size > SIZE_ORDERED_MAX and not window_s:
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {SIZE_ORDERED_MAX}"
        )


def read_filters(criteria: Mapping[str, Any] | None) -> Sequence[str]:
    """Read the patterns of FilterCriteria.

    Raises:
        AwsError: one is none.
    """
    found = [str(one.get("Pattern") or "{}") for one in (criteria or {}).get("Filters") or ()]
    if len(found) > FILTERS_MAX:
        raise invalid(f"A mapping has at most {FILTERS_MAX} filters.")
    for pattern in found:
        try:
            compile_pattern(pattern)
        except BadPattern as error:
            raise invalid(f"Invalid filter pattern definition: {error}") from None
    return found
