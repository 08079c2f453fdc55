"""The post: what is to be sent to a target is an errand, tried until it is taken or given up.

Whoever has something to send later (a rule, a schedule, a bucket's notification) publishes a
parcel; what a parcel comes to is decided here, the same for all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.reaching import Sent, Targets
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Dead, Delivery, Done, Errand, Later, Settlement
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.listening import Door, Serving

SEATS = 64  # Parcels of one account on their way at a time.
RETRIES_MAX = 185
AGE_S_MAX = 86_400.0
DELAY_S, DELAY_S_MAX = 1.0, 600.0  # Before another attempt; doubles with each.
MESSAGE_LENGTH_MAX = 1_000
_TOO_MUCH, _SERVER_ERROR = 429, 500
_LINE = "h:{home}:aws"


class Parcel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to be sent, whom to, and how hard it is tried."""

    id: str  # unique, and the same whenever it is made
    account: str
    region: str
    to: str  # ARN
    body: str
    source: str
    group: str = ""
    dedupe: str = ""
    subject: str = ""
    attributes: dict[str, dict[str, str]] = {}
    retries_max: int = RETRIES_MAX
    age_s_max: float = AGE_S_MAX
    dead_letters: str = ""  # ARN of a queue
    facts: dict[str, str] = {}  # said beside it there: RULE_ARN …


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Where in a chain of calls and events a parcel was sent."""

    root: str = ""
    depth: int = 0
    trace: str = ""


NO_CHAIN = Chain()


def errand_of(parcel: Parcel, home: AppId, chain: Chain, *, not_before: float = 0.0) -> Errand:
    """Write a parcel as an errand."""
    return Errand(
        id=parcel.id,
        app=home,
        line=_LINE.format(home=home),
        body=msgspec.json.encode(parcel),
        root=chain.root or parcel.id,
        depth=chain.depth,
        trace=chain.trace,
        not_before=not_before,
    )


class Post:
    """Keeps ``ports.listening.Listeners`` for parcels of all accounts."""

    def __init__(self, *, targets: Targets, clock: Clock, ids: IdSource) -> None:
        self._targets, self._clock, self._ids = targets, clock, ids

    def serving(self, line: str) -> Serving | None:
        kind, _, name = line.partition(":")
        home, _, whose = name.partition(":")
        if kind != "h" or whose != "aws":
            return None
        return Serving(listener=self, app=AppId(home), seats=SEATS)

    def heard(self, event: Event) -> Sequence[Errand]:
        return ()

    def watch(self, told: Callable[[], None]) -> None:
        """Who serves parcels never changes."""

    async def deliver(self, deliveries: Sequence[Delivery], door: Door) -> Sequence[Settlement]:
        return [await self._one(delivery) for delivery in deliveries]

    async def _one(self, delivery: Delivery) -> Settlement:
        errand = delivery.errand
        parcel = msgspec.json.decode(errand.body, type=Parcel)
        account = Account(id=parcel.account, home=AppId(errand.app), region=parcel.region)
        age_s = self._clock.now() - max(delivery.published_at, errand.not_before)
        if delivery.attempt > 1 and age_s > parcel.age_s_max:
            return await self._give_up(account, parcel, delivery, _too_old(parcel))
        try:
            await self._targets.send(account, parcel.to, _sent(parcel, errand))
        except AwsError as error:
            verdict = judge(error, parcel, attempt=delivery.attempt, age_s=age_s)
            if verdict:
                return await self._give_up(account, parcel, delivery, error, verdict)
            return Later(self._delay_s(delivery.attempt), f"{error.code}: {error.message}")
        return Done()

    def _delay_s(self, attempt: int) -> float:
        whole: float = min(DELAY_S * 2.0 ** min(attempt - 1, 32), DELAY_S_MAX)
        return whole * (0.5 + self._ids.chance() / 2)

    async def _give_up(
        self,
        account: Account,
        parcel: Parcel,
        delivery: Delivery,
        error: AwsError,
        condition: str = "MaximumEventAgeInSeconds",
    ) -> Settlement:
        """Send it where dead letters go, and keep it as one of ours."""
        reason = f"{parcel.to} did not take it: {error.code}: {error.message}"
        if parcel.dead_letters:
            sent = Sent(
                body=parcel.body.encode(),
                source=parcel.source,
                id=f"{parcel.id}.dead",
                attributes=dead_attributes(parcel, error, condition, delivery.attempt),
                trace=delivery.errand.trace,
                root=delivery.errand.root,
                depth=delivery.errand.depth,
            )
            try:
                await self._targets.send(account, parcel.dead_letters, sent)
            except AwsError as refused:
                reason = f"{reason} (and neither did {parcel.dead_letters}: {refused.message})"
        return Dead(reason)


def judge(error: AwsError, parcel: Parcel, *, attempt: int, age_s: float) -> str:
    """Say why a parcel is given up, or nothing: it is tried again.

    >>> one = Parcel(id="1", account="0", region="r", to="a", body="", source="s", retries_max=0)
    >>> judge(AwsError("Throttling", "slower", 429), one, attempt=1, age_s=0)
    'MaximumRetryAttempts'
    >>> judge(AwsError("NotFound", "it is gone", 404), one, attempt=1, age_s=0)
    'NotRetryable'
    """
    if error.status < _SERVER_ERROR and error.status != _TOO_MUCH:
        return "NotRetryable"
    if attempt > parcel.retries_max:
        return "MaximumRetryAttempts"
    return "MaximumEventAgeInSeconds" if age_s >= parcel.age_s_max else ""


def dead_attributes(
    parcel: Parcel, error: AwsError, condition: str, attempt: int
) -> Mapping[str, Mapping[str, str]]:
    """Say beside a dead letter why it is one."""
    said = {
        **parcel.facts,
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": error.message[:MESSAGE_LENGTH_MAX],
    }
    if condition.startswith("Maximum"):
        said["EXHAUSTED_RETRY_CONDITION"] = condition
    texts = {name: {"DataType": "String", "StringValue": text} for name, text in said.items()}
    return {**texts, "RETRY_ATTEMPTS": {"DataType": "Number", "StringValue": str(attempt - 1)}}


def _too_old(parcel: Parcel) -> AwsError:
    return AwsError("EventAgeExceeded", f"It is older than {parcel.age_s_max:.0f} seconds", 500)


def _sent(parcel: Parcel, errand: Errand) -> Sent:
    return Sent(
        body=parcel.body.encode(),
        source=parcel.source,
        id=parcel.id,
        group=parcel.group,
        dedupe=parcel.dedupe,
        subject=parcel.subject,
        attributes=parcel.attributes,
        trace=errand.trace,
        root=errand.root,
        depth=errand.depth,
    )
