"""Event source mappings: made, changed, listed, removed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.lambda_events.callees import Callees
from tapwater_server.clouds.aws.lambda_events.mapping_checks import (
    check_said,
    check_source,
    invalid,
    read_filters,
)
from tapwater_server.clouds.aws.lambda_events.mappings import (
    CREATING,
    DELETING,
    KIND,
    REPORT,
    UPDATING,
    EventSource,
    mapping_value,
    read_mapping,
    show_mapping,
    source_of,
)
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.reaching import Targets
from tapwater_server.clouds.aws.shapes.paging import page_of
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Facts, Put
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.queues import Queues

PAGE_MAX = 100
MAPPINGS_MAX = 10_000  # Of one account.
TAGS_MAX = 50


class Told(Protocol):
    """Who must know when mappings change."""

    def changed(self) -> None: ...


class MappingApi:
    """Answers what is asked of mappings."""

    def __init__(
        self,
        *,
        facts: Facts,
        callees: Callees,
        targets: Targets,
        queues: Queues,
        told: Told,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._facts, self._callees, self._targets = facts, callees, targets
        self._queues, self._told = queues, told
        self._clock, self._ids = clock, ids

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "CreateEventSourceMapping": self._create,
            "GetEventSourceMapping": self._get,
            "ListEventSourceMappings": self._list,
            "UpdateEventSourceMapping": self._update,
            "DeleteEventSourceMapping": self._delete,
        }

    async def _create(self, asked: AwsAsked, params: Params) -> Given:
        account, source = asked.account, self._source(asked.account, params)
        callee = self._callees.find(account, params["FunctionName"])
        mapping = said_of(
            params,
            EventSource(
                id=as_uuid(self._ids.fresh()),
                source=source,
                function=callee.arn,
                account=account.id,
                region=account.region,
                tags=dict(params.get("Tags") or {}),
            ),
        )
        self._check_times(account, mapping, callee.function.limits.timeout_s)
        held = self._all(account)
        _check_new(mapping, held)
        return await self._keep(account, mapping, CREATING)

    async def _get(self, asked: AwsAsked, params: Params) -> Given:
        return show_mapping(self._find(asked.account, params["UUID"]), asked.account)

    async def _list(self, asked: AwsAsked, params: Params) -> Given:
        account, source = asked.account, params.get("EventSourceArn")
        name = params.get("FunctionName")
        arn = self._callees.find(account, name).arn if name else ""
        found = [
            one
            for one in self._all(account)
            if source in (None, one.source) and arn in ("", one.function)
        ]
        page, token = page_of(
            found,
            lambda one: one.id,
            token=params.get("Marker"),
            count_max=min(params.get("MaxItems") or PAGE_MAX, PAGE_MAX),
        )
        shown = [show_mapping(one, account) for one in page]
        return {"EventSourceMappings": shown, "NextMarker": token}

    async def _update(self, asked: AwsAsked, params: Params) -> Given:
        account, before = asked.account, self._find(asked.account, params["UUID"])
        function = before.function
        if params.get("FunctionName"):
            function = self._callees.find(account, params["FunctionName"]).arn
        mapping = said_of(params, replace(before, function=function))
        if function != before.function:
            callee = self._callees.find(account, function)
            self._check_times(account, mapping, callee.function.limits.timeout_s)
            _check_new(mapping, [one for one in self._all(account) if one.id != before.id])
        return await self._keep(account, mapping, UPDATING)

    async def _delete(self, asked: AwsAsked, params: Params) -> Given:
        mapping = self._find(asked.account, params["UUID"])
        await self._facts.change(asked.account.space, [Drop(kind=KIND, key=mapping.id)])
        self._told.changed()
        return show_mapping(mapping, asked.account, state=DELETING)

    async def _keep(self, account: Account, mapping: EventSource, state: str) -> dict[str, Any]:
        kept = replace(mapping, modified=self._clock.now())
        put = Put(kind=KIND, key=kept.id, value=mapping_value(kept))
        await self._facts.change(account.space, [put])
        self._told.changed()
        return show_mapping(kept, account, state=state)

    def _source(self, account: Account, params: Params) -> str:
        """Find the queue that is meant.

        Raises:
            AwsError: there is none, or it is something else.
        """
        arn = str(params.get("EventSourceArn") or "")
        parsed = source_of(arn)
        if parsed is None:
            other = "SelfManagedEventSource" if params.get("SelfManagedEventSource") else ""
            check_source("kafka" if other else "")
            raise invalid("EventSourceArn is required.")
        check_source(parsed.service)
        if not self._targets.exists(account, arn):
            raise invalid(
                "Error occurred while ReceiveMessage. SQS Error Code: "
                "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue "
                "does not exist for this wsdl version."
            )
        return arn

    def _check_times(self, account: Account, mapping: EventSource, timeout_s: float | None) -> None:
        visibility_s = self._queues.settings(account.home, mapping.queue).visibility_s
        if timeout_s is not None and visibility_s < timeout_s:
            raise invalid(
                f"Queue visibility timeout: {visibility_s:.0f} seconds is less than Function "
                f"timeout: {timeout_s:.0f} seconds"
            )

    def _all(self, account: Account) -> Sequence[EventSource]:
        return [read_mapping(one.value) for one in self._facts.list(account.space, KIND)]

    def _find(self, account: Account, id: str) -> EventSource:
        fact = self._facts.get(account.space, KIND, id)
        if fact is None:
            raise AwsError(
                "ResourceNotFoundException",
                "The resource you requested does not exist.",
                404,
                facts={"Type": "User"},
            )
        return read_mapping(fact.value)


def said_of(params: Params, mapping: EventSource) -> EventSource:
    """Change what was said of a mapping.

    Raises:
        AwsError: something of it cannot be.
    """
    merged = {
        "BatchSize": mapping.size,
        "MaximumBatchingWindowInSeconds": mapping.window_s,
        **{name: value for name, value in params.items() if value is not None},
    }
    check_said(merged, ordered=mapping.ordered)
    return replace(
        mapping,
        size=merged["BatchSize"],
        window_s=merged["MaximumBatchingWindowInSeconds"],
        **_changes(params),
    )


_READ: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "Enabled": ("enabled", bool),
    "FunctionResponseTypes": ("report", lambda said: REPORT in said),
    "ScalingConfig": ("concurrency", lambda said: said.get("MaximumConcurrency") or 0),
    "FilterCriteria": ("filters", read_filters),
    "MetricsConfig": ("metrics", lambda said: list(said.get("Metrics") or ())),
}


def _changes(params: Params) -> dict[str, Any]:
    return {
        field: read(params[name])
        for name, (field, read) in _READ.items()
        if params.get(name) is not None
    }


def _check_new(mapping: EventSource, held: Sequence[EventSource]) -> None:
    """Refuse what is there already, and too many.

    Raises:
        AwsError: it is.
    """
    for one in held:
        if (one.source, one.function) == (mapping.source, mapping.function):
            raise AwsError(
                "ResourceConflictException",
                f'An event source mapping with SQS arn (" {mapping.source} ") and function '
                f'(" {mapping.function.partition(":function:")[2]} ") already exists. Please '
                f"update or delete the existing mapping with UUID {one.id}",
                409,
                facts={"Type": "User"},
            )
    if len(held) >= MAPPINGS_MAX:
        raise invalid(f"An account has at most {MAPPINGS_MAX} event source mappings.")
