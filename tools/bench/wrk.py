"""wrk, the load generator: one thread, so many connections, for so long."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from tools.bench.servers import CannotMeasure

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one run of wrk found. Times in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int


def ensure() -> None:
    """See to it that wrk is there: from Debian, by ourselves when root.

    Raises:
        CannotMeasure: it is not, with what to do.
    """
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], check=True)
        return
    raise CannotMeasure("wrk is not installed; as root: apt-get install wrk")


def run(url: str, *, connections: int, seconds: float, host: str = "") -> Load:
    """Send as many requests as are answered."""
    header = ["-H", f"Host: {host}"] if host else []
    fixed = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", *header]
    said = subprocess.run([*fixed, url], capture_output=True, text=True, check=True).stdout
    return read(said)


def read(text: str) -> Load:
    """Read what wrk printed.

    >>> read("Latency Distribution\\n 50% 1.50ms\\n 99% 20us\\nRequests/sec: 10.5\\n").p50_ms
    1.5
    """
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if rate is None:
        raise CannotMeasure(f"wrk said nothing we know: {text[:200]}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: (.*)", text)
    errors = int(refused[1]) if refused else 0
    errors += sum(int(number) for number in re.findall(r"\d+", broken[1])) if broken else 0
    return Load(
        rate=float(rate[1]),
        p50_ms=_percentile(text, 50),
        p99_ms=_percentile(text, 99),
        errors=errors,
    )


def _percentile(text: str, which: int) -> float:
    found = re.search(rf"{which}%\s+([\d.]+)(us|ms|s|m)\b", text)
    return float(found[1]) * _UNITS[found[2]] if found else float("nan")
