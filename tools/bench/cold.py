"""Cold starts: the first call of a fresh revision, over HTTP, from a client already connected."""

import subprocess
import sys
import time
from collections.abc import Mapping

from tests.functional.running import Platform
from tools.bench import ours
from tools.bench.client import Connection, request
from tools.bench.results import Result, Table, Verdict, median, quantile
from tools.bench.servers import CannotMeasure

P50_MS_MAX, P99_MS_MAX = 5.0, 20.0
NO_ZYGOTE_MS_MAX = 25.0
BURST, BURST_S_MAX = 200, 1.0
SETTLE_S = 0.1  # The old revision goes; the deploy is over.
PEERS = "Lambda SnapStart 860 ms, Workers 1.0 s, Cloud Run 3.0 s (FastAPI-class imports)"


def measure(*, calls: int, restarts: int) -> Result:
    """Measure starts with a zygote ready, and without one."""
    verdicts: list[Verdict] = []
    rows: list[tuple[str, ...]] = []
    numbers: dict[str, object] = {}
    for name, files, count in (
        ("hello", ours.HELLO_APP, calls),
        ("pandas", ours.PANDAS_APP, calls // 2),
    ):
        print(f"bench: cold starts of {name}", flush=True)
        with ours.platform() as running:
            built = ours.deploy(running, files, name)
            found = [fresh(running, name, files, number) for number in range(count)]
            share = ours.colds(running, name, count)
            verdicts += with_zygote(name, found, share)
            rows.append(_row(f"{name}, zygote ready", found, share))
            without = [restarted(running, name) for _ in range(restarts)]
            took = import_ms(running) if name == "pandas" else 0.0
        verdicts.append(without_zygote(name, without, took))
        rows.append(_row(f"{name}, platform restarted", without, 1.0))
        numbers[name] = {"ms": found, "share": share, "restarted_ms": without, "import_ms": took}
        numbers[f"{name}_deploy_s"] = built
    table = Table(
        title="Cold starts",
        head=("what", "calls", "p50 ms", "p90 ms", "p99 ms", "most ms", "cold, by the records"),
        rows=rows,
        note="Over HTTP on a kept connection; each call is the first of a revision just deployed, "
        f"or the first after a restart of the platform. Elsewhere: {PEERS}.",
    )
    return Result(verdicts=verdicts, tables=[table], numbers=numbers)


def fresh(running: Platform, app: str, files: Mapping[str, str], number: int) -> float:
    """Deploy a revision that differs by a comment, let the old one go, and time the first call."""
    main = "restful/index.py"
    before = running.api("GET", f"/apps/{app}/revisions").json()["revisions"]
    ours.deploy(running, {**files, main: f"{files[main]}\n# {number}\n"}, app)
    for revision in before:
        running.api("DELETE", f"/apps/{app}/revisions/{revision['number']}")
    time.sleep(SETTLE_S)
    return ours.timed_calls(running, app, "/", 1)[0]


def _row(name: str, found: list[float], share: float) -> tuple[str, ...]:
    cells = [f"{quantile(found, part):.2f}" for part in (0.5, 0.9, 0.99, 1.0)]
    return (name, str(len(found)), *cells, f"{share:.0%}")


def with_zygote(name: str, found: list[float], share: float) -> list[Verdict]:
    """Judge; calls that were not cold would flatter us."""
    if share < 0.99:
        why = f"only {share:.0%} of the calls were cold"
        return [Verdict(promise=f"cold start, {name}", wanted="", found=why, kept=None)]
    p50, p99 = quantile(found, 0.5), quantile(found, 0.99)
    return [
        Verdict(
            promise=f"cold start, zygote ready, {name}",
            wanted=f"p50 <= {P50_MS_MAX:g} ms, p99 <= {P99_MS_MAX:g} ms",
            found=f"{p50:.2f} ms, {p99:.2f} ms",
            kept=p50 <= P50_MS_MAX and p99 <= P99_MS_MAX,
        )
    ]


def without_zygote(name: str, found: list[float], import_took: float) -> Verdict:
    """Judge the first call after a restart: nothing is warm but the platform itself."""
    over = median(found) - import_took
    return Verdict(
        promise=f"cold start, no zygote, {name}",
        wanted=f"import time + <= {NO_ZYGOTE_MS_MAX:g} ms",
        found=f"import {import_took:.0f} ms + {over:.1f} ms",
        kept=over <= NO_ZYGOTE_MS_MAX,
    )


def restarted(running: Platform, app: str) -> float:
    """Restart the platform, and time the first call of a function."""
    running.stop()
    running.start()
    return ours.timed_calls(running, app, "/", 1)[0]


def import_ms(running: Platform) -> float:
    """Time the import alone, in the interpreter and with the layer that the platform uses."""
    found = (file.parent.parent for file in running.data.glob("**/pandas/__init__.py"))
    layers = [folder for folder in found if (folder / "numpy").is_dir()]
    if not layers:
        raise CannotMeasure("the layer with pandas was not found in the data directory")
    code = (
        f"import sys; sys.path.insert(0, {str(layers[0])!r})\n"
        "import time; began = time.perf_counter(); import pandas\n"
        "print((time.perf_counter() - began) * 1000)"
    )
    command = [sys.executable, "-c", code]
    said = [subprocess.run(command, capture_output=True, text=True) for _ in range(5)]
    if said[0].returncode != 0:
        raise CannotMeasure(f"pandas alone cannot be imported: {said[0].stderr[-300:]}")
    return median([float(one.stdout) for one in said])


def burst(*, rounds: int) -> Result:
    """Call a function that has no instance so many times at once; it sleeps 100 ms."""
    print(f"bench: bursts of {BURST}", flush=True)
    found: list[float] = []
    with ours.platform() as running:
        for number in range(rounds):
            app = f"sleeper{number}"
            ours.deploy(running, ours.SLEEPER_APP, app)
            time.sleep(SETTLE_S)
            found.append(one_burst(running, app))
            running.api("DELETE", f"/apps/{app}")
    middle = median(found)
    verdict = Verdict(
        promise=f"burst: {BURST} calls at once of a cold function that sleeps 100 ms",
        wanted=f"last answer <= {BURST_S_MAX:g} s",
        found=f"{middle:.2f} s (least {min(found):.2f}, most {max(found):.2f})",
        kept=middle <= BURST_S_MAX,
    )
    return Result(verdicts=[verdict], numbers={"burst_s": found})


def one_burst(running: Platform, app: str) -> float:
    """Send on connections that are open already, read them all; give the seconds to the last."""
    connections = [Connection(running.port) for _ in range(BURST)]
    data = request("/", host=ours.host(running, app))
    try:
        began = time.monotonic()
        for connection in connections:
            connection.send(data)
        answers = [connection.receive() for connection in connections]
        took = time.monotonic() - began
    finally:
        for connection in connections:
            connection.__exit__(None, None, None)
    refused = [answer for answer in answers if answer.status != 200]
    if refused:
        first = refused[0]
        raise CannotMeasure(
            f"{len(refused)} of {BURST} answers were {first.status}: {first.body[:200]!r}"
        )
    return took
