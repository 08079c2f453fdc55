"""What a cold start costs below HTTP: open(), fork() and the memory of an idle zygote.

    python -m tests.benchmarks.fork_bench [--module pandas] [--layer SITE_PACKAGES] [--forks 100]

Prints milliseconds (median, 99th percentile) and kilobytes. Budgets: fork p50 3.5 ms for hello
world, 11 ms with pandas imported; 4 MB private to an idle zygote.
"""

import argparse
import asyncio
import platform
import statistics
import tempfile
import time
from pathlib import Path

from tests.sandbox_kit import Talk, image, limits, linux_sandbox, write_code

_FIELDS = ("Rss", "Pss", "Private_Clean", "Private_Dirty", "Shared_Dirty")


def memory_kb(pid: int) -> dict[str, int]:
    """Read what a process holds, from the kernel's own sums."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, _, value = line.partition(":")
        if key in _FIELDS:
            found[key] = int(value.split()[0])
    return found


def show(name: str, seconds: list[float]) -> None:
    """Print the middle and the tail."""
    ms = sorted(s * 1000 for s in seconds)
    tail = ms[min(len(ms) - 1, int(len(ms) * 0.99))]
    print(f"{name:<34} p50 {statistics.median(ms):6.2f} ms   p99 {tail:6.2f} ms   n {len(ms)}")


async def measure(module: str, layer: str, forks: int) -> None:
    """Open, fork many times, look at the zygote."""
    head = f"import {module}\n" if module else ""
    text = head + "def get():\n    return {'hello': 'world'}\n"
    much = limits(memory_bytes=512 << 20)
    with tempfile.TemporaryDirectory() as folder:
        code = write_code(Path(folder), text)
        made = image(code, layer=layer, limits=much)
        async with linux_sandbox(Path(folder)) as sandbox:
            sandbox.layers()  # Asked once in a platform's life.
            opens, made_s, first_s = [], [], []
            zygotes = []
            for _ in range(4):
                began = time.perf_counter()
                zygotes.append(await sandbox.open(made))
                opens.append(time.perf_counter() - began)
            print(f"first open (with base zygote)      {opens[0] * 1000:10.2f} ms")
            show("open", opens[1:])
            idle = memory_kb(zygotes[-1].pid)
            for _ in range(forks):
                began = time.perf_counter()
                talk = Talk(await zygotes[0].fork(much))
                made_s.append(time.perf_counter() - began)
                answer = await talk.call()
                first_s.append(time.perf_counter() - began)
                assert answer.status == 200
                await talk.end()
            show("fork()", made_s)
            show("fork() and first answer", first_s)
            print("idle zygote, kB:", idle)
            print("after forks, kB:", memory_kb(zygotes[0].pid))


def main() -> None:
    """Read the arguments and go."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--module", default="")
    parser.add_argument("--layer", default="")
    parser.add_argument("--forks", type=int, default=100)
    chosen = parser.parse_args()
    print(f"{platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}")
    asyncio.run(measure(chosen.module, chosen.layer, chosen.forks))


if __name__ == "__main__":
    main()
