"""Guests that talk to the platform without end: it has more to do, and ends what says nothing.

30,000 small frames fit into one read; handling them all at once took a third of a second, each
turn of the loop, and every other function waited for it.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.functional.running import Platform

pytestmark = pytest.mark.slow

PUT = """
import os, select, stat, struct
def put(*frames):
    names = [n for n in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + n)]
    wire = next(int(n) for n in names if int(n) > 2 and stat.S_ISSOCK(os.fstat(int(n)).st_mode))
    for data in frames:
        while data:
            try:
                data = data[os.write(wire, data):]
            except BlockingIOError:
                select.select([], [wire], [])
def get():
    while True:
        put(%s)
"""
FLOODS = {
    "window": "struct.pack('<IBII', 9, 14, 1, 0) * 7000",
    "hello": "struct.pack('<IBI', 5, 16, 0) * 7000",
}


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    raise NotImplementedError
