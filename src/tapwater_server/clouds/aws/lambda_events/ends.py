"""Tells how calls ended that nobody waited for; durable before this returns."""

import msgspec

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_events.verdicts import Terms
from tapwater_server.clouds.aws.reaching import Sent, Targets
from tapwater_server.clouds.aws.shapes.bridged import bridged_event
from tapwater_server.clouds.aws.shapes.ended import (
    Ended,
    dead_attributes,
    ended_kind,
    ended_record,
)
from tapwater_server.model.errors import Overloaded, StorageFull
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.clock import Clock

TRIES_MAX = 60  # Where there is no room, it is tried again: to run the function again is worse.
TRY_S = 1.0


class Ends:
    """Sends them to destinations and dead-letter queues."""

    def __init__(self, *, targets: Targets, clock: Clock) -> None:
        self._targets, self._clock = targets, clock

    async def tell(self, account: Account, ended: Ended, terms: Terms, errand: Errand) -> str:
        """Tell an end wherever it is to be told; say what could not be, or nothing."""
        if errand.depth >= CHAIN_DEPTH_MAX:
            return ""  # Functions that tell each other of their ends stop here.
        told = terms.on_success if ended.good else terms.on_failure
        troubles = []
        if told:
            troubles.append(await self._send(account, told, _record(account, told, ended, errand)))
        if terms.dead_letters and not ended.good:
            dead = _dead_letter(ended, errand)
            troubles.append(await self._send(account, terms.dead_letters, dead))
        return "; ".join(one for one in troubles if one)

    async def _send(self, account: Account, arn: str, sent: Sent) -> str:
        for _ in range(TRIES_MAX):
            try:
                await self._targets.send(account, arn, sent)
            except AwsError as error:
                return f"{arn} could not be told: {error.code}: {error.message}"
            except (Overloaded, StorageFull):
                await self._clock.sleep(TRY_S)
            else:
                return ""
        return f"{arn} could not be told: there was no room"


def _record(account: Account, to: str, ended: Ended, errand: Errand) -> Sent:
    record = ended_record(ended)
    arn = parse_arn(to)
    if arn is not None and arn.service == "events":
        record = bridged_event(
            account,
            id=ended.request,
            source="lambda",
            kind=ended_kind(ended),
            at=ended.at,
            resources=[ended.arn, to],
            detail=record,
        )
    return Sent(
        body=msgspec.json.encode(record),
        source=ended.arn,
        id=f"{errand.id}.{'done' if ended.good else 'dead'}",
        trace=errand.trace,
        root=errand.root or errand.id,
        depth=errand.depth + 1,
    )


def _dead_letter(ended: Ended, errand: Errand) -> Sent:
    return Sent(
        body=ended.payload,
        source=ended.arn,
        id=f"{errand.id}.letter",
        attributes=dead_attributes(ended),
        trace=errand.trace,
        root=errand.root or errand.id,
        depth=errand.depth + 1,
    )
