"""AWS::Lambda::EventSourceMapping and EventInvokeConfig."""

from typing import Any

from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, pick

_CHANGEABLE = (
    *("FunctionName", "Enabled", "BatchSize", "FilterCriteria", "MaximumBatchingWindowInSeconds"),
    *("DestinationConfig", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError"),
    *("MaximumRetryAttempts", "ParallelizationFactor", "SourceAccessConfigurations"),
    *("TumblingWindowInSeconds", "FunctionResponseTypes", "ScalingConfig", "KmsKeyArn"),
    *("MetricsConfig", "ProvisionedPollerConfig"),
)
_ONCE = (
    *("EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "Topics", "Queues"),
    *("SelfManagedEventSource", "AmazonManagedKafkaEventSourceConfig"),
)


async def _steady(doing: Doing, found: dict[str, Any]) -> Made:
    id = str(found["UUID"])

    async def ready() -> bool:
        seen = await doing.call("lambda", "GetEventSourceMapping", UUID=id)
        return seen.get("State") not in ("Creating", "Updating", "Enabling", "Disabling")

    await doing.wait(ready)
    arn = doing.account.arn("lambda", f"event-source-mapping:{id}")
    return Made(id=id, attributes={"Id": id, "EventSourceMappingArn": arn})


async def _find(doing: Doing) -> str:
    """A function has one mapping of a source at most."""
    given = pick(doing.want, "FunctionName", "EventSourceArn")
    known = await doing.call("lambda", "ListEventSourceMappings", **given)
    return next((str(one["UUID"]) for one in known.get("EventSourceMappings", [])), "")


async def _create(doing: Doing) -> Made:
    given = pick(doing.want, *_CHANGEABLE, *_ONCE)
    found = await doing.call("lambda", "CreateEventSourceMapping", **given)
    await doing.begun(str(found["UUID"]))
    return await _steady(doing, dict(found))


async def _update(doing: Doing) -> Made:
    given = pick(doing.want, *_CHANGEABLE)
    if "FilterCriteria" in doing.had and "FilterCriteria" not in given:
        given["FilterCriteria"] = {}
    found = await doing.call("lambda", "UpdateEventSourceMapping", UUID=doing.id, **given)
    return await _steady(doing, dict(found))


async def _delete(doing: Doing) -> None:
    await doing.forget("lambda", "DeleteEventSourceMapping", UUID=doing.id)


_ASYNC = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


async def _put_async(doing: Doing) -> Made:
    target = pick(doing.want, "FunctionName", "Qualifier")
    await doing.call(
        "lambda", "PutFunctionEventInvokeConfig", **target, **pick(doing.want, *_ASYNC)
    )
    return Made(id=f"{doing.want['FunctionName']}|{doing.want.get('Qualifier', '$LATEST')}")


async def _drop_async(doing: Doing) -> None:
    name, _, qualifier = doing.id.rpartition("|")
    await doing.forget(
        "lambda", "DeleteFunctionEventInvokeConfig", FunctionName=name, Qualifier=qualifier
    )


KINDS = (
    Kind(
        type="AWS::Lambda::EventSourceMapping",
        create=_create,
        update=_update,
        delete=_delete,
        takes=frozenset({*_CHANGEABLE, *_ONCE}),
        ignored=frozenset({"Tags"}),
        replaced=frozenset(_ONCE),
        find=_find,
    ),
    Kind(
        type="AWS::Lambda::EventInvokeConfig",
        create=_put_async,
        update=_put_async,
        delete=_drop_async,
        takes=frozenset({"FunctionName", "Qualifier", *_ASYNC}),
        replaced=frozenset({"FunctionName", "Qualifier"}),
    ),
)
