"""Puts events on buses: each becomes a parcel for every target that is to have it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.events.records import bus_name
from tapwater_server.clouds.aws.events.routing import fitting, parcels_of
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.clouds.aws.post.parcels import Chain, errand_of
from tapwater_server.clouds.aws.reaching import Sent
from tapwater_server.clouds.aws.shapes.bridged import bridged_event
from tapwater_server.clouds.aws.shapes.times import in_seconds
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.bus import Bus, Errand
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource


class Carrier:
    """Carries events; also keeps ``reaching.Targets`` for buses, and for rules whose time it is."""

    def __init__(self, *, store: Store, bus: Bus, clock: Clock, ids: IdSource) -> None:
        self._store, self._bus = store, bus
        self._clock, self._ids = clock, ids

    async def put(
        self, account: Account, events: Sequence[tuple[str, Mapping[str, Any]]], chain: Chain
    ) -> None:
        """Put whole events on buses, by name; durable before this returns."""
        errands = [
            errand for bus, event in events for errand in self._errands(account, bus, event, chain)
        ]
        if errands:
            await self._bus.publish(errands)

    async def send(self, account: Account, arn: str, sent: Sent) -> None:
        """Take an event for a bus, or the time of a rule."""
        parsed = parse_arn(arn)
        kind, _, name = ("", "", "") if parsed is None else parsed.resource.partition("/")
        event = self._whole(account, sent)
        chain = Chain(root=sent.root, depth=sent.depth, trace=sent.trace)
        if kind == "rule":
            await self._fire(account, name, event, chain)
            return
        self._store.find_bus(account, name)
        await self.put(account, [(name, event)], chain)

    def exists(self, account: Account, arn: str) -> bool:
        """Say whether a bus is there."""
        try:
            self._store.find_bus(account, bus_name(arn))
        except AwsError:
            return False
        return True

    async def _fire(
        self, account: Account, name: str, event: Mapping[str, Any], chain: Chain
    ) -> None:
        bus, _, rule_name = name.rpartition("/")
        rule = self._store.rule(account.space, bus or "default", rule_name)
        if rule is None or not rule.enabled:
            return  # It went, or was disabled, after its time had come.
        now = in_seconds(self._clock.now())
        parcels = parcels_of(account, rule, event, id=event["id"], at=now)
        await self._bus.publish([errand_of(one, account.home, chain) for one in parcels])

    def _errands(
        self, account: Account, bus: str, event: Mapping[str, Any], chain: Chain
    ) -> Sequence[Errand]:
        now = in_seconds(self._clock.now())
        return [
            errand_of(parcel, account.home, chain)
            for rule in fitting(self._store.rules(account.space, bus), event)
            for parcel in parcels_of(account, rule, event, id=str(event["id"]), at=now)
        ]

    def _whole(self, account: Account, sent: Sent) -> Mapping[str, Any]:
        """Read an event that another service sends; what it does not say is filled in."""
        said = json.loads(sent.body)
        if not isinstance(said, dict) or not isinstance(said.get("detail"), dict):
            raise AwsError("ValidationException", "This is no event.", 400)
        whole = bridged_event(
            account,
            id=sent.id or as_uuid(self._ids.fresh()),
            source=sent.source,
            kind="",
            at=self._clock.now(),
            detail={},
        )
        return {**whole, **said}
