"""Event source mappings: which function takes the messages of which queue, and how. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tapwater_server.clouds.aws.account import Account, Arn, parse_arn

KIND = "lambda/mapping"
ENABLED, DISABLED = "Enabled", "Disabled"
CREATING, UPDATING, DELETING = "Creating", "Updating", "Deleting"
REPORT = "ReportBatchItemFailures"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """One mapping, as it is kept."""

    id: str  # a UUID
    source: str  # ARN of the queue
    function: str  # ARN of the function, with the qualifier it was named by
    account: str
    region: str
    size: int = 10
    window_s: int = 0
    enabled: bool = True
    report: bool = False  # the function says which of a batch failed
    concurrency: int = 0  # batches at a time; 0: as many as the function takes
    filters: Sequence[str] = ()  # patterns; a message is told if one of them fits
    metrics: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    modified: float = 0.0

    @property
    def queue(self) -> str:
        """The name of its queue."""
        arn = parse_arn(self.source)
        assert arn is not None
        return arn.resource

    @property
    def ordered(self) -> bool:
        return self.queue.endswith(".fifo")


def mapping_value(mapping: EventSource) -> dict[str, Any]:
    """Write it as the value of a fact."""
    return asdict(mapping)


def read_mapping(value: Mapping[str, Any]) -> EventSource:
    """Read it back."""
    return EventSource(**value)


def show_mapping(mapping: EventSource, account: Account, *, state: str = "") -> dict[str, Any]:
    """Make an EventSourceMappingConfiguration; ``state`` is given while it changes."""
    said: dict[str, Any] = {
        "UUID": mapping.id,
        "BatchSize": mapping.size,
        "MaximumBatchingWindowInSeconds": mapping.window_s,
        "EventSourceArn": mapping.source,
        "FunctionArn": mapping.function,
        "LastModified": mapping.modified,
        "State": state or (ENABLED if mapping.enabled else DISABLED),
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [REPORT] if mapping.report else [],
        "EventSourceMappingArn": account.arn("lambda", f"event-source-mapping:{mapping.id}"),
    }
    if mapping.filters:
        said["FilterCriteria"] = {"Filters": [{"Pattern": one} for one in mapping.filters]}
    if mapping.concurrency:
        said["ScalingConfig"] = {"MaximumConcurrency": mapping.concurrency}
    if mapping.metrics:
        said["MetricsConfig"] = {"Metrics": list(mapping.metrics)}
    return said


def source_of(text: str) -> Arn | None:
    """Read the ARN of a source.

    >>> source_of("arn:aws:sqs:us-east-1:000000000000:jobs").resource
    'jobs'
    """
    return parse_arn(text)
