"""PutEvents: what comes in, entry by entry."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.account import parse_arn
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.events.carrying import Carrier
from tapwater_server.clouds.aws.events.putting import BadEntry, check_size, event_of
from tapwater_server.clouds.aws.events.records import bus_name
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.clouds.aws.post.lineage import chain_of
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource


class Entries:
    """Takes events; each is taken or refused by itself."""

    def __init__(self, *, store: Store, carrier: Carrier, clock: Clock, ids: IdSource) -> None:
        self._store, self._carrier = store, carrier
        self._clock, self._ids = clock, ids

    def handlers(self) -> Mapping[str, Handler]:
        return {"PutEvents": self._put}

    async def _put(self, asked: AwsAsked, params: Params) -> Given:
        entries = params["Entries"]
        check_size(entries)
        events, results = list[tuple[str, Mapping[str, Any]]](), list[dict[str, str]]()
        for entry in entries:
            try:
                bus, event = self._read(asked, entry)
            except BadEntry as error:
                results.append({"ErrorCode": error.code, "ErrorMessage": error.message})
            else:
                events.append((bus, event))
                results.append({"EventId": event["id"]})
        await self._carrier.put(asked.account, events, chain_of(asked))
        asked.count("events", len(events))
        failed = len(results) - len(events)
        return {"FailedEntryCount": failed, "Entries": results}

    def _read(self, asked: AwsAsked, entry: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        bus = bus_name(entry.get("EventBusName"))
        named = parse_arn(entry.get("EventBusName") or "")
        if named is not None and named.account != asked.account.id:
            message = "Event buses of other accounts are not reached from here."
            raise BadEntry("AccessDeniedException", message)
        try:
            self._store.find_bus(asked.account, bus)
        except AwsError as error:
            raise BadEntry(error.code, error.message) from None
        id = as_uuid(self._ids.fresh())
        return bus, event_of(entry, asked.account, id=id, now=self._clock.now())
