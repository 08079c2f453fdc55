"""Warm calls: how many per second, and how long one takes, beside the peers."""

from collections.abc import Callable, Sequence

from tools.bench import machine, ours, peers, wrk
from tools.bench.results import Result, Table, Verdict, median
from tools.bench.servers import CannotMeasure, Program, started

OURS = "Tapwater"
RATIOS = {
    "workerd": 1.2,
    "functions-framework --asgi": 3.0,
    "functions-framework gunicorn": 9.0,
}
ADDED_MS_MAX = 0.25
WARM_UP_S = 1.0

Loads = dict[str, list[tuple[wrk.Load, wrk.Load]]]  # by name: 32 connections, 1 connection


def measure(*, rounds: int, seconds: float) -> Result:
    """Let everybody take turns."""
    wrk.ensure()
    programs, missing = found_peers()
    loads: Loads = {}
    for number in range(rounds):
        print(f"bench: warm, round {number + 1} of {rounds}", flush=True)
        for turn in [None, *programs]:
            name = turn.name if turn else OURS
            try:
                pair = _peer(turn, seconds) if turn else _ours(seconds)
            except CannotMeasure as error:
                missing[name] = str(error)
                continue
            loads.setdefault(name, []).append(pair)
    versions = {program.name: program.version for program in programs}
    return _result(loads, versions, missing, rounds=rounds, seconds=seconds)


def found_peers() -> tuple[list[Program], dict[str, str]]:
    """Install or find the peers; say why one is missing."""
    makers: Sequence[tuple[str, Callable[[], Program]]] = (
        ("bare function", peers.bare),
        ("workerd", peers.workerd),
        ("functions-framework --asgi", lambda: peers.framework(asgi=True)),
        (
            "functions-framework --asgi with uvloop",
            lambda: peers.framework(asgi=True, uvloop=True),
        ),
        ("functions-framework gunicorn", lambda: peers.framework(asgi=False)),
        ("Ray Serve", peers.ray),
    )
    programs: list[Program] = []
    missing: dict[str, str] = {}
    for name, make in makers:
        try:
            programs.append(make())
        except CannotMeasure as error:
            missing[name] = str(error)
    return programs, missing


def _peer(program: Program, seconds: float) -> tuple[wrk.Load, wrk.Load]:
    with started(program) as running:
        return both(running.url, seconds)


def _ours(seconds: float) -> tuple[wrk.Load, wrk.Load]:
    with ours.platform() as running:
        ours.deploy(running, ours.HELLO_APP, "hello")
        return both(f"{running.url}/", seconds, host=ours.host(running, "hello"))


def both(url: str, seconds: float, *, host: str = "") -> tuple[wrk.Load, wrk.Load]:
    """Measure with 32 connections and with one, after warming up."""
    wrk.run(url, connections=32, seconds=WARM_UP_S, host=host)
    many = wrk.run(url, connections=32, seconds=seconds, host=host)
    one = wrk.run(url, connections=1, seconds=seconds, host=host)
    if many.errors or one.errors:
        raise CannotMeasure(f"{many.errors + one.errors} of the answers were errors")
    return many, one


def _result(
    loads: Loads, versions: dict[str, str], missing: dict[str, str], *, rounds: int, seconds: float
) -> Result:
    rates = {name: median([many.rate for many, _ in pairs]) for name, pairs in loads.items()}
    ones = {name: median([one.p50_ms for _, one in pairs]) for name, pairs in loads.items()}
    versions = {OURS: machine.version_of("git", "rev-parse", "--short", "HEAD"), **versions}
    table = Table(
        title="Warm hello world",
        head=(
            "server",
            "Tapwater is",
            "32 connections, /s",
            "p50 ms",
            "p99 ms",
            "1 connection, /s",
            "p50 ms",
            "p99 ms",
            "version",
        ),
        rows=[_row(name, pairs, rates, versions) for name, pairs in loads.items()]
        + [(name, "", f"not measured: {why}", *[""] * 6) for name, why in missing.items()],
        note=f"`wrk -t1`, {seconds:g} s each, medians of {rounds} alternating rounds.",
    )
    verdicts = [_ratio(name, least, rates) for name, least in RATIOS.items()]
    numbers = {"rates": rates, "p50_ms_1": ones, "missing": missing}
    return Result(verdicts=[*verdicts, _added(ones)], tables=[table], numbers=numbers)


def _row(
    name: str,
    pairs: list[tuple[wrk.Load, wrk.Load]],
    rates: dict[str, float],
    versions: dict[str, str],
) -> tuple[str, ...]:
    many, one = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ratio = f"{rates[OURS] / rates[name]:.2f} x" if OURS in rates and name != OURS else ""
    cells = (
        f"{median([load.rate for load in many]):,.0f}",
        f"{median([load.p50_ms for load in many]):.2f}",
        f"{median([load.p99_ms for load in many]):.2f}",
        f"{median([load.rate for load in one]):,.0f}",
        f"{median([load.p50_ms for load in one]):.3f}",
        f"{median([load.p99_ms for load in one]):.3f}",
    )
    return (name, ratio, *cells, versions.get(name, ""))


def _ratio(peer: str, least: float, rates: dict[str, float]) -> Verdict:
    promise, wanted = f"warm hello world, against {peer}", f">= {least:g} x"
    if OURS not in rates or peer not in rates:
        return Verdict(promise=promise, wanted=wanted, found="not measured", kept=None)
    ratio = rates[OURS] / rates[peer]
    return Verdict(promise=promise, wanted=wanted, found=f"{ratio:.2f} x", kept=ratio >= least)


def _added(ones: dict[str, float]) -> Verdict:
    """The bare function takes no time that could be measured: all of a call's time is added."""
    promise, wanted = "added latency, warm, 1 connection, p50", f"<= {ADDED_MS_MAX} ms"
    if OURS not in ones:
        return Verdict(promise=promise, wanted=wanted, found="not measured", kept=None)
    limit = ones.get("bare function")
    beside = f" (of which loopback and HTTP: {limit:.3f} ms)" if limit is not None else ""
    found = f"{ones[OURS]:.3f} ms{beside}"
    return Verdict(promise=promise, wanted=wanted, found=found, kept=ones[OURS] <= ADDED_MS_MAX)
