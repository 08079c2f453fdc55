"""What costs nothing should cost little: idle functions, a thousand of them, the platform."""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.functional.running import REPOSITORY, Platform
from tools.bench import machine, ours, peers
from tools.bench.client import Connection
from tools.bench.results import Result, Table, Verdict, median, quantile
from tools.bench.servers import CannotMeasure, free_port, started

IDLE_MB_MAX = 4.0
MANY_COLD_MS_MAX = 10.0
START_S_MAX, RESIDENT_MB_MAX = 1.5, 120
LIVE_MS_MAX = 300.0
SETTLE_S = 2.0
_EDIT_S_MAX = 20.0


def many(*, functions: int, sample: int) -> Result:
    """Deploy many functions; weigh one, and call some of them cold."""
    print(f"bench: {functions} deployed functions", flush=True)
    with ours.platform() as running:
        ours.deploy(running, ours.HELLO_APP, "first")
        ours.timed_calls(running, "first", "/", 3)
        time.sleep(SETTLE_S)
        before = weigh(running)
        took = ours.deploy(running, ours.many_app(functions), "many")
        time.sleep(SETTLE_S)
        after = weigh(running)
        chosen = random.Random(7).sample(range(functions), min(sample, functions))
        found = [ours.timed_calls(running, "many", f"/f{number}", 1)[0] for number in chosen]
        share = ours.colds(running, "many", len(found))
    own = (after.own - before.own) / functions / 2**20
    idle = Verdict(
        promise="memory of an idle function, zygote ready",
        wanted=f"<= {IDLE_MB_MAX:g} MB of its own",
        found=f"{own:.2f} MB (mean of {functions}; {after.own / 2**30:.1f} GB in all)",
        kept=own <= IDLE_MB_MAX,
    )
    p50, most = quantile(found, 0.5), max(found)
    cold = Verdict(
        promise=f"{functions:,} deployed functions, each cold-starts",
        wanted=f"<= {MANY_COLD_MS_MAX:g} ms",
        found=f"p50 {p50:.2f} ms, most {most:.2f} ms of {len(found)} ({share:.0%} cold)",
        kept=quantile(found, 0.99) <= MANY_COLD_MS_MAX if share > 0.99 else None,
    )
    numbers = {"own_mb": own, "cold_ms": found, "deploy_s": took, "share": share}
    return Result(verdicts=[idle, cold], numbers=numbers)


def weigh(running: Platform) -> machine.Memory:
    """Weigh the platform and all below it."""
    assert running.process is not None
    return machine.memory(running.process.pid)


def start(*, rounds: int) -> Result:
    """Time from the command to the first answer of a deployed function; weigh what runs then."""
    print("bench: starting", flush=True)
    took: list[float] = []
    weights: list[machine.Memory] = []
    with ours.platform() as running:
        ours.deploy(running, ours.HELLO_APP, "hello")
        for _ in range(rounds):
            running.stop()
            began = time.monotonic()
            running.start()
            ours.timed_calls(running, "hello", "/", 1)
            took.append(time.monotonic() - began)
            weights.append(weigh(running))
    resident = median([weight.pss for weight in weights]) / 2**20
    verdict = Verdict(
        promise="start of the platform to first answer; resident in all",
        wanted=f"<= {START_S_MAX:g} s; <= {RESIDENT_MB_MAX} MB",
        found=f"{median(took):.2f} s; {resident:.0f} MB",
        kept=median(took) <= START_S_MAX and resident <= RESIDENT_MB_MAX,
    )
    middle = weights[0]
    row = (
        "Tapwater",
        f"{median(took):.2f}",
        f"{resident:.0f}",
        f"{median([weight.rss for weight in weights]) / 2**20:.0f}",
        str(middle.processes),
    )
    table = Table(
        title="Start to first answer, and memory then",
        head=("server", "s", "MB (shared pages once)", "MB (summed per process)", "processes"),
        rows=[row, *peer_starts()],
    )
    numbers = {"start_s": took, "pss_mb": resident}
    return Result(verdicts=[verdict], tables=[table], numbers=numbers)


def peer_starts() -> list[tuple[str, ...]]:
    """Start each peer once."""
    rows: list[tuple[str, ...]] = []
    makers = (
        peers.workerd,
        lambda: peers.framework(asgi=True),
        lambda: peers.framework(asgi=False),
        peers.ray,
    )
    for make in makers:
        try:
            with started(make()) as running:
                weight = machine.memory(running.pid)
                cells = (f"{running.start_s:.2f}", f"{weight.pss >> 20}", f"{weight.rss >> 20}")
                rows.append((running.program.name, *cells, str(weight.processes)))
        except CannotMeasure as error:
            rows.append((f"not measured: {error}", "", "", "", ""))
    return rows


def edit(*, rounds: int) -> Result:
    """Save a file under `tapwater dev` and time until the new answer is there."""
    print("bench: edit to live", flush=True)
    with tempfile.TemporaryDirectory(prefix="tapwater-bench-") as folder:
        found = edits(Path(folder), rounds)
    verdict = Verdict(
        promise="edit to live in tapwater dev",
        wanted=f"<= {LIVE_MS_MAX:g} ms",
        found=f"p50 {median(found):.0f} ms, most {max(found):.0f} ms of {len(found)}",
        kept=median(found) <= LIVE_MS_MAX,
    )
    return Result(verdicts=[verdict], numbers={"edit_ms": found})


def edits(folder: Path, rounds: int) -> list[float]:
    """Run the command and save one file after the other."""
    app = folder / "app"
    file = app / "restful" / "index.py"
    file.parent.mkdir(parents=True)
    file.write_text(answering(0))
    port = free_port()
    command = [sys.executable, "-m", "tapwater_server", "dev", str(app), "--port", str(port)]
    data = {"TAPWATER_DATA": str(folder / "data"), "PYTHONPATH": str(REPOSITORY / "src")}
    keep = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    with (folder / "dev.log").open("wb") as log:
        process = subprocess.Popen(command, env={**keep, **data}, stdout=log, stderr=log)
    try:
        wait_for(port, 0)
        return [one_edit(file, port, number) for number in range(1, rounds + 1)]
    finally:
        process.terminate()
        process.wait(30)


def answering(number: int) -> str:
    """Write the function anew."""
    return f'"""Answers with its number."""\n\ndef get() -> str:\n    return "{number}"\n'


def one_edit(file: Path, port: int, number: int) -> float:
    """Save, and ask until the answer has changed; give milliseconds."""
    time.sleep(0.5)  # A person who types; and the watcher has gone back to watching.
    file.write_text(answering(number))
    began = time.monotonic()
    wait_for(port, number)
    return (time.monotonic() - began) * 1000


def wait_for(port: int, number: int) -> None:
    """Ask until the function answers with its number."""
    end = time.monotonic() + _EDIT_S_MAX
    said: object = "nothing"
    while time.monotonic() < end:
        try:
            with Connection(port) as connection:
                while time.monotonic() < end:
                    answer = connection.get("/")
                    if answer.body == str(number).encode():
                        return
                    said = f"{answer.status} {answer.body[:300]!r}"
                    time.sleep(0.002)
        except OSError as error:
            said = error
        time.sleep(0.01)
    raise CannotMeasure(f"tapwater dev did not answer {number} in {_EDIT_S_MAX:g} s: {said}")
