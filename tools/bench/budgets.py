"""How far past a budget a burst gets, and what admission costs a call."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.model.budget import Budget, Every, Scope, ScopeKind
from tapwater_server.model.function import Function, FunctionLimits, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Usage, Verb
from tapwater_server.model.tariff import FREE
from tapwater_server.ports.invoker import Call, Exchange
from tapwater_server.ports.meter import Record
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.admitted import Admitted
from tapwater_server.services.budgets.prices import ListPrices
from tapwater_server.testing.clock import ManualClock
from tests.functional.running import Platform
from tools.bench import ours, parts
from tools.bench.client import Connection, request
from tools.bench.results import Result, Table

BURST = 200
WARM_MS, LONG_MS = 10, 300  # What calls took before the burst, and in it.
GB_S = 128 / 1024 / 1000  # Of a millisecond of the function below.
OPEN = 1e12  # A limit that nothing reaches.
APP = {
    "restful/index.py": f'''\
"""A function that takes as long as it is asked to."""

import time

from tapwater import options

options(instances=(0, {BURST}), memory="128MB", queue={2 * BURST}, timeout="2s")

def get(ms: int = {WARM_MS}) -> str:
    time.sleep(ms / 1000)
    return "slept\\n"
'''
}


def measure(*, rounds: int) -> Result:
    """Send bursts at budgets that have room for a part of them; time admission by itself."""
    rows: list[tuple[str, ...]] = []
    numbers: dict[str, object] = {}
    for name, said, ms, room in _cases():
        print(f"bench: budgets, {name}", flush=True)
        found = [_case(said, ms=ms, room=room) for _ in range(rounds)]
        worst = max(found, key=lambda one: one["past"])
        rows.append(
            (name, f"{worst['let_in']:.0f}", f"{worst['past']:.2f}", f"{worst['percent']:.0f} %")
        )
        numbers[name] = found
    costs = {name: parts.microseconds(part) for name, part in _admissions().items()}
    numbers["us"] = costs
    return Result(
        tables=[
            Table(
                title=f"Budgets: {BURST} calls at once",
                head=("budget", "let in", "past the limit by", "of what was left"),
                rows=rows,
                note=f"Room is what the budget has left when {BURST} calls come at once; past is "
                "what they used beyond it, the worst of all rounds. The function's calls took "
                f"{WARM_MS} ms before, so that this is what is held for each.",
            ),
            Table(
                title="Budgets: what a call pays",
                head=("budgets that a call counts in", "us"),
                rows=[(name, f"{took:.2f}") for name, took in costs.items()],
                note="Admission and settling around an invoker that does nothing, which alone "
                "takes what the first line says.",
            ),
        ],
        numbers=numbers,
    )


def _cases() -> list[tuple[str, dict[str, Any], int, float]]:
    calls, time_s = {"unit": "calls"}, {"unit": "gb_s"}
    fits = 100 * LONG_MS * GB_S
    return [
        ("50 calls", calls, WARM_MS, 50),
        ("gb_s for 100 calls, as long as before", time_s, WARM_MS, 100 * WARM_MS * GB_S),
        ("gb_s for 100 calls, 30 times as long as before", time_s, LONG_MS, fits),
        ("the same, strict", {**time_s, "strict": True}, LONG_MS, fits),
    ]


def _case(said: Mapping[str, Any], *, ms: int, room: float) -> dict[str, float]:
    with ours.platform() as running:
        ours.deploy(running, APP, "slow")
        before = _put(running, limit=OPEN, **said)
        _burst(running, WARM_MS, 40)
        spent = _settled(running, before)
        limit = spent + room
        _put(running, limit=limit, **said)
        let_in = _burst(running, ms, BURST)
        past = max(0.0, _settled(running, spent) - limit)
    return {"let_in": let_in, "past": past, "percent": 100 * past / room}


def _put(running: Platform, **said: Any) -> float:
    answer = running.api("PUT", "/budgets/bench", json={"every": "month", "app": "slow", **said})
    answer.raise_for_status()
    return float(answer.json()["spent"])


def _settled(running: Platform, before: float) -> float:
    """Wait until nothing runs that something is held for; give what is spent."""
    while True:
        one = running.api("GET", "/budgets/bench").json()
        if one["reserved"] < 1e-9 and one["spent"] > before:
            return float(one["spent"])
        time.sleep(0.05)


def _burst(running: Platform, ms: int, count: int) -> int:
    """Send on connections that are open already; say how many calls were let in."""
    connections = [Connection(running.port) for _ in range(count)]
    data = request(f"/?ms={ms}", host=ours.host(running, "slow"))
    try:
        for connection in connections:
            connection.send(data)
        return sum(connection.receive().status == 200 for connection in connections)
    finally:
        for connection in connections:
            connection.__exit__(None, None, None)


class _Bare:
    """An invoker that ends each call at once."""

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        exchange.ended(_FINE)
        return _CALL


class _Call:
    """Nothing happens."""

    def feed(self, data: bytes, *, last: bool) -> bool:
        return True

    def send(self, message: str | bytes) -> bool:
        return True

    def when_writable(self, resumed: Callable[[], None]) -> None: ...

    def resume(self) -> None: ...

    def cancel(self, reason: str) -> None: ...


class _Exchange:
    """Takes all of it."""

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None: ...

    def body(self, data: bytes) -> bool:
        return True

    def message(self, data: str | bytes) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


_FINE, _CALL = Outcome(ending=Ending.OK, usage=Usage()), _Call()


def _admissions() -> dict[str, Callable[[], object]]:
    """Give a call's way through admission, with no budget, one, and three."""
    invocation = Invocation(
        id=InvocationId("one"),
        revision=RevisionId("r"),
        verb=Verb.HTTP,
        function=Function(
            id=FunctionId(AppId("shop"), "hello"),
            kind=Kind.RESTFUL,
            style=Style.VERBS,
            file="restful/hello.py",
            group="",
            limits=FunctionLimits(),
        ),
    )
    bare, exchange = _Bare(), _Exchange()
    found: dict[str, Callable[[], object]] = {
        "(no admission)": lambda: bare.start(invocation, exchange)
    }
    units = {"none": (), "calls": ("calls",), "calls, gb_s, money": ("calls", "gb_s", "EUR")}
    for name, chosen in units.items():
        accounts = _accounts(chosen)
        found[name] = _way(Admitted(bare, accounts=accounts), accounts, invocation, exchange)
    return found


def _accounts(units: tuple[str, ...]) -> Accounts:
    accounts = Accounts(
        prices=ListPrices(lambda: FREE), project_of=lambda app: "default", clock=ManualClock()
    )
    budget = Budget(
        name="b", scope=Scope(kind=ScopeKind.NODE), every=Every.DAY, limit=OPEN, unit="calls"
    )
    for unit in units:
        accounts.put(accounts.make(replace(budget, name=unit, unit=unit)))
    return accounts


def _way(
    admitted: Admitted, accounts: Accounts, invocation: Invocation, exchange: Exchange
) -> Callable[[], object]:
    record = Record(
        id="one",
        at=ManualClock().now(),
        app="shop",
        function="hello",
        revision="r",
        method="GET",
        path="/",
        status=200,
        ending="ok",
        cold=False,
        queue_ms=0.1,
        wall_ms=5.0,
        cpu_ms=1.0,
        memory_peak_bytes=50 << 20,
        memory_bytes=256 << 20,
        bytes_in=0,
        bytes_out=100,
        instance="one",
    )

    def whole() -> None:
        admitted.start(invocation, exchange)
        accounts.noted(record)

    return whole
