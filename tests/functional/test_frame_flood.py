"""Guests that talk to the platform without end: it has more to do, and ends what says nothing.

30,000 small frames fit into one read; handling them all at once took a third of a second, each
turn of the loop, and every other function waited for it.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tapwater.runtime.wire import Kind
from tests.functional.running import Platform

pytestmark = pytest.mark.slow

POUR = """
import os, select, stat, struct
def pour(data):
    names = [n for n in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + n)]
    wire = next(int(n) for n in names if int(n) > 2 and stat.S_ISSOCK(os.fstat(int(n)).st_mode))
    while data:
        try:
            data = data[os.write(wire, data):]
        except BlockingIOError:
            select.select([], [wire], [])
def get():
    while True:
        pour(%s)
"""
FLOODS = {
    "window": f"struct.pack('<IBII', 9, {int(Kind.WINDOW)}, 1, 0) * 7000",
}
FILES = {
    "tapwater.toml": '[defaults]\ntimeout = "60s"\nmemory = "1GB"\n',
    "restful/fine.py": "def get():\n    return 'fine'\n",
    **{f"restful/{name}.py": POUR % frames for name, frames in FLOODS.items()},
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_frames_ends_its_own_call_and_no_other(platform: Platform, flood: str) -> None:
    if not platform.api("GET", "/apps").json()["apps"]:
        platform.deploy(FILES, "app")
    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(platform.get, f"/{flood}", timeout=30)
        for _ in range(200):
            assert platform.get("/fine").text == "fine"
        answer = flooding.result()
    assert (answer.status_code, answer.json()["code"]) == (502, "broken")
    texts = [line["text"] for line in platform.logs(function=flood, level="platform")]
    assert any("flood of frames" in text for text in texts), texts
