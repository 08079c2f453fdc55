"""A warm Invoke beside a native call of the same function: one connection, taking turns."""

import os
import time

from tests.functional.running import Platform
from tools.bench import ours
from tools.bench.aws_cold import FUNCTIONS, KEY, PYTHON, SECRET, WARM_RATIO_MAX, Lambda
from tools.bench.client import Connection, request
from tools.bench.results import Result, Table, Verdict, median, quantile
from tools.bench.servers import CannotMeasure

TURN_CALLS = 100
KINDS = ("native call", "Invoke")


def measure(*, rounds: int, turns: int) -> Result:
    """Measure; each round in a platform of its own, the calls in turns of a hundred."""
    print(f"bench: Invoke beside the native call, {rounds} rounds", flush=True)
    waits: dict[str, list[list[float]]] = {name: [] for name in KINDS}
    works: dict[str, list[float]] = {name: [] for name in KINDS}
    for _ in range(rounds):
        with ours.platform(aws_access_key=KEY, aws_secret_key=SECRET) as running:
            for name, (taken, work_us) in _round(running, turns=turns).items():
                waits[name].append(taken)
                works[name].append(work_us)
    ratios = [
        quantile(theirs, 0.5) / quantile(own, 0.5)
        for own, theirs in zip(*(waits[name] for name in KINDS), strict=True)
    ]
    found = median(ratios)
    verdict = Verdict(
        promise="Invoke beside the native call, 1 connection, p50",
        wanted=f"<= {WARM_RATIO_MAX:g} times",
        found=f"{found:.2f} times",
        kept=found <= WARM_RATIO_MAX,
    )
    rows = [(name, *_cells(waits[name]), f"{median(works[name]):.0f}") for name in KINDS]
    table = Table(
        title="A warm call through Invoke",
        head=("call", "p10 ms", "p50 ms", "p90 ms", "p99 ms", "CPU time of the platform, us"),
        rows=rows,
        note=f"One kept connection, hundred calls of each in turn, medians of {rounds} rounds. "
        "Requests are signed before the clock starts, and their signatures are checked; the "
        "answers, logs, records and steps are those of a call through boto3.",
    )
    numbers = {
        "ratios": ratios,
        **{
            name: {"p50_ms": [quantile(one, 0.5) for one in waits[name]], "us": works[name]}
            for name in KINDS
        },
    }
    return Result(verdicts=[verdict], tables=[table], numbers=numbers)


def _cells(rounds: list[list[float]]) -> list[str]:
    shares = (0.1, 0.5, 0.9, 0.99)
    return [f"{median([quantile(one, share) for one in rounds]):.3f}" for share in shares]


def _round(running: Platform, *, turns: int) -> dict[str, tuple[list[float], float]]:
    ours.deploy(running, ours.HELLO_APP, "hello")
    client = Lambda(running, runtime="python3.12", file="app.py")
    client.make(PYTHON)
    asked = {
        "native call": request("/", host=ours.host(running, "hello")),
        "Invoke": client.signed("POST", f"{FUNCTIONS}/{client.name}/invocations", b"{}"),
    }
    waits: dict[str, list[float]] = {name: [] for name in KINDS}
    works = dict.fromkeys(KINDS, 0.0)
    assert running.process is not None
    pid = running.process.pid
    with Connection(running.port) as connection:
        for turn in range(-2, turns):  # The first two warm up.
            for name in KINDS:
                before = _work_us(pid)
                taken = [_timed(connection, asked[name]) for _ in range(TURN_CALLS)]
                if turn >= 0:
                    waits[name] += taken
                    works[name] += _work_us(pid) - before
    return {name: (waits[name], works[name] / (turns * TURN_CALLS)) for name in KINDS}


def _timed(connection: Connection, data: bytes) -> float:
    began = time.perf_counter()
    connection.send(data)
    answer = connection.receive()
    took_ms = (time.perf_counter() - began) * 1000
    if answer.status != 200 or b"Hello, world!" not in answer.body:
        raise CannotMeasure(f"{answer.status} {answer.body[:300]!r}")
    return took_ms


def _work_us(pid: int) -> float:
    """Read the CPU time of a process, all of its threads."""
    tasks = f"/proc/{pid}/task"
    total = 0
    for task in os.listdir(tasks):
        try:
            with open(f"{tasks}/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:
            continue  # A thread that has ended in between.
    return total / 1000
