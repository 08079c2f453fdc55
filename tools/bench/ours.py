"""Tapwater as a user starts it, with the apps that the rows need."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.functional.running import Platform
from tools.bench.client import Connection
from tools.bench.servers import CannotMeasure

HELLO = '''\
"""The function that every peer has too."""

def get() -> str:
    return "Hello, world!\\n"
'''
PANDAS = '''\
"""A function that imports much."""

import pandas as pd

def get() -> str:
    return f"{pd.Series([1, 2, 3]).sum()}\\n"
'''
SLEEPER = '''\
"""A function that waits for something, one call at a time."""

import time

from tapwater import options

options(instances=(0, 200), memory="128MB", queue=400, timeout="30s")

def get() -> str:
    time.sleep(0.1)
    return "slept\\n"
'''
HELLO_APP: Mapping[str, str] = {"restful/index.py": HELLO}
PANDAS_APP: Mapping[str, str] = {"restful/index.py": PANDAS, "requirements.txt": "pandas>=2.2\n"}
SLEEPER_APP: Mapping[str, str] = {"restful/index.py": SLEEPER}
STARTED = "bench"


def many_app(count: int) -> dict[str, str]:
    """Write an app of so many functions, each a file of its own.

    >>> sorted(many_app(2))
    ['restful/f0.py', 'restful/f1.py']
    """
    return {f"restful/f{number}.py": HELLO for number in range(count)}


@contextlib.contextmanager
def platform(**settings: object) -> Iterator[Platform]:
    """Start a platform of our own in a folder that goes away."""
    given = {f"TAPWATER_{name.upper()}": str(value) for name, value in settings.items()}
    with tempfile.TemporaryDirectory(prefix="tapwater-bench-") as folder:
        running = Platform(Path(folder) / "data", settings=given)
        try:
            running.start()
        except AssertionError as error:
            raise CannotMeasure(str(error)) from error
        try:
            yield running
        finally:
            running.stop()
            running.http.close()


def deploy(running: Platform, files: Mapping[str, str], app: str) -> float:
    """Deploy an app; give the seconds that it took."""
    began = time.monotonic()
    answer = running.try_deploy(files, app)
    if "revision" not in answer:
        raise CannotMeasure(f"the deploy of {app} was refused: {answer}")
    return time.monotonic() - began


def host(running: Platform, app: str) -> str:
    """Say which host an app answers at."""
    return f"{app}.localhost:{running.port}"


def timed_calls(running: Platform, app: str, path: str, count: int) -> list[float]:
    """Call one after the other on a kept connection; give milliseconds."""
    name = host(running, app)
    found: list[float] = []
    with Connection(running.port) as connection:
        for _ in range(count):
            began = time.perf_counter()
            answer = connection.get(path, host=name)
            found.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise CannotMeasure(f"{app}{path} answered {answer.status}: {answer.body[:300]!r}")
    return found


def colds(running: Platform, app: str, count: int) -> float:
    """Say which share of the last calls was cold, by the platform's own records."""
    running.http.get(running.url + "/_/health")
    records = running.records(app=app, limit=str(count))
    return sum(1 for record in records if record["cold"]) / max(1, len(records))
