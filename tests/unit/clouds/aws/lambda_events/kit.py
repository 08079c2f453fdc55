"""Lambda functions, targets and queues that do as they are told, on memory backends."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.backends.memory.queues import MemoryQueues
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_events.callees import Callee, Owner, Request
from tapwater_server.clouds.aws.reaching import Called, Sent
from tapwater_server.model.errors import StorageFull
from tapwater_server.model.function import Function, Kind, Revision, Style
from tapwater_server.model.ids import AppId, FunctionId, RevisionId
from tapwater_server.model.invocation import Ending, Headers, Outcome, Usage
from tapwater_server.ports.bus import Delivery, Errand, Settlement
from tapwater_server.ports.listening import Listener, Told
from tapwater_server.testing.clock import CountingIds, ManualClock

ACCOUNT = Account(id="000000000000", home=AppId("aws"))
FN = ACCOUNT.arn("lambda", "function:fn")
DEAD = ACCOUNT.arn("sqs", "dead")
FUNCTION = Function(
    id=FunctionId(AppId("fn"), "handler"),
    kind=Kind.REACTIVE,
    style=Style.FOREIGN,
    file="app.py",
    group="",
)
REVISION = Revision(
    id=RevisionId("r1"),
    app=AppId("fn"),
    number=1,
    created_at=0.0,
    bundle="",
    layer="",
    python="",
    functions=(FUNCTION,),
)


def answered(said: Any) -> Outcome:
    return Outcome(ending=Ending.OK, usage=Usage(), status=200, body=json.dumps(said).encode())


def failed() -> Outcome:
    return Outcome(ending=Ending.OK, usage=Usage(), status=500, body=b'{"errorMessage": "no"}')


def throttled() -> Outcome:
    return Outcome(ending=Ending.OVERLOADED, usage=Usage(), retry_after_s=3.0)


class FakeCallees:
    """One function, ``fn``. Keeps ``Callees``."""

    def __init__(self) -> None:
        self.gone = self.full = False
        self.dead_letters = ""
        self.loops = False
        self.settings: dict[str, Any] = {}
        self.requests: list[Request] = []

    def find(self, account: Account, name: str, *, by: str = "") -> Callee:
        if self.gone or not name.partition("function:")[2].startswith("fn"):
            raise AwsError("ResourceNotFoundException", f"Function not found: {name}", 404)
        return Callee(
            arn=name,
            name="fn",
            version="$LATEST",
            revision=REVISION,
            function=FUNCTION,
            seats=7,
            dead_letters=self.dead_letters,
            loops=self.loops,
        )

    def headers(self, callee: Callee, request: Request) -> Headers:
        self.requests.append(request)
        return [(b"lambda-request-id", request.id.encode())]

    def enter(self, callee: Callee) -> bool:
        return not self.full

    def leave(self, callee: Callee) -> None:
        assert not self.full

    def answered(self, callee: Callee, outcome: Outcome, *, request: str) -> Called:
        good = outcome.ending is Ending.OK and outcome.status == 200
        return Called(
            payload=outcome.body, version=callee.version, error="" if good else "Unhandled"
        )

    def async_settings(self, account: Account, name: str) -> Mapping[str, Any]:
        return self.settings

    def owner(self, app: str) -> Owner | None:
        if app != "fn" or self.gone:
            return None
        return Owner(account=ACCOUNT, name=FN, function=FUNCTION)


class FakeTargets:
    """Takes everything but what is ``closed``. Keeps ``Targets``."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Sent]] = []
        self.closed: dict[str, AwsError] = {}
        self.full = 0  # So often there is no room.

    async def send(self, account: Account, arn: str, sent: Sent) -> None:
        if arn in self.closed:
            raise self.closed[arn]
        if self.full:
            self.full -= 1
            raise StorageFull("no room")
        self.sent.append((arn, sent))

    def exists(self, account: Account, arn: str) -> bool:
        return arn not in self.closed

    def bodies(self) -> list[tuple[str, Any]]:
        return [(arn.rpartition(":")[2], json.loads(sent.body)) for arn, sent in self.sent]


class Door:
    """Answers calls as it is told: each in its turn, the last again and again."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = list(outcomes)
        self.told: list[Told] = []

    async def __call__(self, told: Told) -> Outcome:
        self.told.append(told)
        return self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]

    def events(self) -> list[Any]:
        return [json.loads(one.body) for one in self.told]


class House:
    """A bus, facts and queues."""

    def __init__(self) -> None:
        self.clock, self.ids = ManualClock(), CountingIds()
        self.bus, self.facts = MemoryBus(clock=self.clock), MemoryFacts()
        self.queues = MemoryQueues()
        self.callees, self.targets = FakeCallees(), FakeTargets()

    async def publish(self, *errands: Errand) -> None:
        await self.bus.publish(errands)

    async def deliver(
        self, listener: Listener, line: str, door: Door, *, count: int = 10, together: bool = False
    ) -> Sequence[Settlement]:
        """Lease what there is, have it delivered, settle it as was said."""
        leased = await self.bus.lease(line, count_max=count, lease_s=60.0, together=together)
        if not leased:
            return ()
        settlements = await listener.deliver(leased, door)
        await self.bus.settle(list(zip(leased, settlements, strict=True)))
        return settlements


Make = Callable[[House], Listener]
Deliveries = Sequence[Delivery]
