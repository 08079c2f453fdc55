"""A node's event line on a hand-wound clock, in a world where everything goes wrong."""

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tapwater_server.assembly.eventline import EventLine, event_line
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.events.matching import errand_id
from tapwater_server.events.retry import LOST_MAX
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.event import Event
from tapwater_server.model.function import Alias, Function, Kind, Revision, Style, Trigger
from tapwater_server.model.ids import AppId, FunctionId, RevisionId
from tapwater_server.model.invocation import Ending
from tapwater_server.ports.bus import Bus, ErrandState, Filter
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.meter import LogLine
from tapwater_server.testing.clock import CountingIds, ManualClock, settle
from tapwater_server.testing.invoker import ScriptedCall, ScriptedInvoker
from tests.simulation.event_stores import Kept, Mortal, NodeDied

SHOP = AppId("shop")
ATTEMPTS_MAX = 4
AT_ONCE = 2
# What an event does to whoever is told of it. Most are harmless.
DOINGS = ["fine"] * 6 + [
    "slow",
    "slow",
    "fails twice",
    "always fails",
    "hangs",
    "no room",
    "no budget",
    "poison",
]
# They end well, given time.
INNOCENT = frozenset({"fine", "slow", "fails twice", "no room", "no budget"})
DEATHS = 0.004  # of a node, at each use of a port
DEATHS_AT_CURSOR = 0.1  # between the relay's publish and its note of how far it has come
ROUNDS_MAX = 600  # after the last misfortune: then something comes back for ever
ROUND_S = 300.0  # A clock that was set back by hours lets what is delayed wait for hours.


def _function(name: str, **options: Any) -> Function:
    delivery = DeliveryOptions(attempts_max=ATTEMPTS_MAX, **options)
    trigger = Trigger(source="event", arguments={"type": "shop.sold"}, delivery=delivery)
    return Function(
        id=FunctionId(app=SHOP, name=name),
        kind=Kind.REACTIVE,
        style=Style.EVENT,
        file=f"reactive/{name}.py",
        group="",
        triggers=(trigger,),
    )


ALWAYS = (_function("ordered"), _function("limited", at_once=AT_ONCE))
SOMETIMES = _function("sometimes", debounce_s=3.0)


@dataclass(slots=True)
class Run:
    """One call that began."""

    node: int
    function: str
    event: str
    over: str = ""  # ok, failed, returned; empty: it never came back


@dataclass(slots=True)
class Node:
    """One life of the process."""

    number: int
    line: EventLine
    bus: Bus
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    dead: bool = False


class World:
    """What outlives the nodes, what happens to them, and what was seen."""

    def __init__(
        self, kept: Kept, *, clock: ManualClock, seed: int, kills_max: int | None = None
    ) -> None:
        self.kept, self.clock = kept, clock
        self.chance = random.Random(seed)
        self._ids = CountingIds(seed=seed)
        # With so few kills, and none by poison, no delivery may be taken for their cause.
        self._kills_left = kills_max
        self._events = [does for does in DOINGS if kills_max is None or does != "poison"]
        self.registry = MemoryRegistry()
        self.accepted: dict[str, Event] = {}
        self.runs: list[Run] = []
        self.said: list[LogLine] = []  # in the log of the app
        self.crowd_max = 0  # of "limited", at a time
        self.happened: Counter[str] = Counter()
        self._misfortune = True
        self._node: Node | None = None
        self._numbers = 0
        self._hanging: list[asyncio.Future[None]] = []
        others = (self.jump, self.fill, self.kill, self.stop, self.deploy)
        self._doings = (*[self.publish] * 4, *others)

    # What happens.

    async def begin(self) -> None:
        await self.deploy()
        await self.start()

    async def step(self) -> None:
        """Let one thing happen, and some time pass."""
        self.kept.disk.full = self.kept.disk.full and self.chance.random() < 0.6
        await self.chance.choice(self._doings)()
        await self.clock.advance(self.chance.choice([0.0, 0.1, 1.0, 5.0, 40.0]))
        await self.start()

    async def publish(self) -> None:
        """Somebody publishes a few events; what is not refused counts."""
        events = [self._event() for _ in range(self.chance.randint(1, 4))]
        try:
            self.kept.disk.check()
            await self.kept.log.append(events)
        except OSError:
            self.happened["refused"] += 1
            return
        self.accepted |= {event.id: event for event in events}

    async def jump(self) -> None:
        self.happened["jumped"] += 1
        self.clock.jump(self.chance.choice([-3600.0, -2.0, 2.0, 600.0]))

    async def fill(self) -> None:
        self.happened["full"] += 1
        self.kept.disk.full = True

    async def kill(self) -> None:
        if self._node is not None and self._kills_left != 0:
            self._kill(self._node, "somewhere")
        await settle()

    async def stop(self) -> None:
        """The node is stopped as it should be."""
        node, self._node = self._node, None
        if node is not None:
            await _end(node)
            for run in self.runs:
                if run.node == node.number and not run.over:
                    run.over = "returned"
            self.happened["stopped"] += 1

    async def deploy(self) -> None:
        number = await self.registry.next_number(SHOP)
        functions = (*ALWAYS, SOMETIMES) if self.chance.random() < 0.5 else ALWAYS
        revision = Revision(
            id=RevisionId(f"r{number}"),
            app=SHOP,
            number=number,
            created_at=0.0,
            bundle="",
            layer="",
            python="",
            functions=functions,
        )
        alias = Alias(app=SHOP, name="live", weights={revision.id: 100})
        await self.registry.add_revision(revision, aliases=[alias])

    async def start(self) -> None:
        """See to it that a node lives."""
        if self._node is not None and not self._node.dead:
            return
        if self._node is not None:
            await _end(self._node)
        self._numbers += 1
        was_full, self.kept.disk.full = self.kept.disk.full, False
        bus = await self.kept.open_bus()
        self.kept.disk.full = was_full
        self._node = self._make(bus)
        loops = self._node.line.loops()
        self._node.tasks = [asyncio.create_task(loop) for loop in loops]
        await settle()

    async def finish(self) -> None:
        """No more misfortune: everything must come to an end, and soon.

        Raises:
            AssertionError: something comes back for ever, or is stuck.
        """
        self._misfortune, self.kept.disk.full = False, False
        for _ in range(ROUNDS_MAX):
            await self.start()
            await self.clock.advance(ROUND_S)
            assert self._node is not None
            stats = self._node.line.relay.stats()
            idle = stats.seq >= await self.kept.log.last() and not self._node.dead
            if idle and all(one.state in {"done", "dead"} for one in await self.errands()):
                await self.stop()
                return
        left = Counter(one.state for one in await self.errands())
        raise AssertionError(f"it does not come to an end: {left}, {self.happened}")

    # What is seen.

    async def innocents_lost(self) -> Sequence[str]:
        """Who was given up on though nothing was wrong with it."""
        bus = await self.kept.open_bus()
        dead = await bus.list(Filter(app=SHOP, state="dead"), count_max=100_000)
        return [
            f"{one.event}: {one.reason}"
            for one in dead
            if json.loads(self.accepted[one.event].data)["does"] in INNOCENT
            and one.function != str(SOMETIMES.id)  # It may be gone when it is its turn.
        ]

    async def errands(self) -> Sequence[ErrandState]:
        assert self._node is not None
        return await self._node.bus.list(Filter(app=SHOP), count_max=100_000)

    async def check(self) -> None:
        """Nothing is lost, nothing is for ever, each rule was kept.

        Raises:
            AssertionError: or not.
        """
        bus = await self.kept.open_bus()
        errands = {one.id: one for one in await bus.list(Filter(app=SHOP), count_max=100_000)}
        logged = await self.kept.log.read(after=0, count_max=100_000)
        seqs = {one.event.id: one.seq for one in logged}
        assert set(seqs) == set(self.accepted), "what was accepted, and nothing else"
        runs: Mapping[tuple[str, str], list[Run]] = self._runs_by_errand()
        for event in self.accepted.values():
            for function in ALWAYS:
                name = function.id.name
                errand = errands.get(errand_id(event, str(function.id)))
                assert errand is not None, f"{name} was never told of {event.id}"
                _check_end(event, errand, runs[name, event.id])
        for (name, id), of_one in runs.items():
            counted = [run for run in of_one if run.over != "returned"]
            assert len(counted) <= ATTEMPTS_MAX + LOST_MAX, (
                f"{name} was told of {id} {len(counted)} times"
            )
        self._check_order(seqs)
        assert self.crowd_max <= AT_ONCE, "more at once than allowed"

    def _check_order(self, seqs: Mapping[str, int]) -> None:
        last: dict[str, int] = defaultdict(int)
        for run in self.runs:
            key = self.accepted[run.event].key if run.event in self.accepted else ""
            if run.function == "ordered" and key:
                assert seqs[run.event] >= last[key], f"{run.event} was overtaken in {key}"
                last[key] = seqs[run.event]

    def _runs_by_errand(self) -> Mapping[tuple[str, str], list[Run]]:
        found: dict[tuple[str, str], list[Run]] = defaultdict(list)
        for run in self.runs:
            found[run.function, run.event].append(run)
        return found

    # How it is made.

    def _event(self) -> Event:
        id = self._ids.fresh()
        does = self.chance.choice(self._events)
        return Event(
            id=id,
            app=SHOP,
            type="shop.sold",
            source="/till",
            at=self.clock.now(),
            data=json.dumps({"does": does}).encode(),
            key=self.chance.choice(["", "a", "b", "c"]),
        )

    def _make(self, bus: Bus) -> Node:
        number = self._numbers
        node: Node

        async def die(where: str) -> None:
            if node.dead:
                raise NodeDied(where)
            deaths = DEATHS_AT_CURSOR if where == "before move_cursor" else DEATHS
            if self._misfortune and self._kills_left != 0 and self.chance.random() < deaths:
                self._kill(node, where)
                await self._hang()

        check = self.kept.disk.check
        line = event_line(
            bus=cast(Bus, Mortal(bus, die=die, check=check)),
            log=cast(EventLog, Mortal(self.kept.log, die=die, check=check)),
            registry=self.registry,
            invoker=ScriptedInvoker(lambda call: self._called(node, call)),
            clock=self.clock,
            ids=CountingIds(seed=number),
            logs=self.said.append,
        )
        node = Node(number=number, line=line, bus=bus)
        return node

    async def _hang(self) -> None:
        hanging: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hanging.append(hanging)
        await hanging

    def _kill(self, node: Node, where: str) -> None:
        node.dead = True
        if self._kills_left is not None:
            self._kills_left -= 1
        self.happened[f"killed {where}"] += 1
        for task in node.tasks:
            task.cancel()
        asyncio.get_running_loop().call_soon(self._wake_the_dead)

    def _wake_the_dead(self) -> None:
        hanging, self._hanging = self._hanging, []
        for one in hanging:
            if not one.done():
                one.set_exception(NodeDied())

    def _called(self, node: Node, call: ScriptedCall) -> None:
        """A function is told of an event. What it does stands in the event."""
        said = json.loads(call.invocation.body)
        run = Run(node.number, call.invocation.function.id.name, said["id"])
        if node.dead:
            return
        self.runs.append(run)
        of_one = [
            one for one in self.runs if (one.function, one.event) == (run.function, run.event)
        ]
        here = [one for one in self.runs if one.node == node.number and not one.over]
        self.crowd_max = max(self.crowd_max, sum(one.function == "limited" for one in here))
        takes_s, ending = _plan(said["data"]["does"], len(of_one))
        if ending is None:
            self._kill(node, "by poison")
            return
        self.clock.at(takes_s, lambda: self._answer(node, call, run, ending))

    def _answer(self, node: Node, call: ScriptedCall, run: Run, ending: Ending) -> None:
        if node.dead or call.over:
            return
        ours = ending in (Ending.OVERLOADED, Ending.BUDGET)
        run.over = "ok" if ending is Ending.OK else "returned" if ours else "failed"
        if ending is Ending.OK:
            call.answer(200, body=b"{}")
        else:
            call.end(ending, message="as the event said", retry_after_s=2.0 if ours else 0.0)


def _plan(does: str, attempt: int) -> tuple[float, Ending | None]:
    """Say how long a call takes and how it ends; None: it kills the node."""
    match does:
        case "slow":
            return 8.0, Ending.OK
        case "fails twice" if attempt <= 2:
            return 0.5, Ending.USER_ERROR
        case "always fails":
            return 0.2, Ending.CRASHED
        case "hangs":
            return 30.0, Ending.TIMED_OUT
        case "no room" if attempt <= 3:
            return 0.0, Ending.OVERLOADED
        case "no budget" if attempt <= 4:
            return 0.0, Ending.BUDGET
        case "poison":
            return 0.0, None
        case _:
            return 0.1, Ending.OK


def _check_end(event: Event, errand: ErrandState, runs: Sequence[Run]) -> None:
    does = json.loads(event.data)["does"]
    assert errand.state in {"done", "dead"}, f"{errand.id} is {errand.state}"
    if errand.state == "done":
        assert any(run.over == "ok" for run in runs), f"{event.id} is done and never went well"
        assert does not in {"always fails", "hangs", "poison"}
        return
    worn, is_lost = errand.attempt >= ATTEMPTS_MAX, errand.lost > LOST_MAX
    assert worn or is_lost, f"{event.id} ({does}) was given up on too early"
    assert is_lost == errand.reason.startswith("lost "), errand.reason
    # Only what dies with a poison again and again is taken for one.
    assert is_lost or does not in INNOCENT, f"{event.id} ({does}) was given up on: {errand.reason}"


async def _end(node: Node) -> None:
    """Stop it; a call that was given back will not be missed."""
    for task in node.tasks:
        task.cancel()
    await asyncio.gather(*node.tasks, return_exceptions=True)
    await settle()
