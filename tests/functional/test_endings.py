"""Every way a function can end badly: the right status, a sentence in the log, no harm done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.functional.running import Platform

pytestmark = pytest.mark.slow

FILES = {
    "tapwater.toml": 'name = "bad"\n[defaults]\nmemory = "96MB"\ntimeout = "2s"\n',
    "bad/restful/fine.py": "def get():\n    return 'fine'\n",
    "bad/restful/raises.py": "def get():\n    raise RuntimeError('a secret detail')\n",
    "bad/restful/memory.py": (
        "def get():\n    hog = []\n    while True:\n        hog.append(bytearray(1 << 20))\n"
    ),
    "bad/restful/sleeps.py": "import time\n\ndef get():\n    time.sleep(60)\n",
    "bad/restful/spins.py": "def get():\n    while True:\n        pass\n",
    "bad/restful/spins_in_c.py": (
        "import re\n\ndef get():\n    re.match(r'(a+)+$', 'a' * 64 + 'b')\n"
    ),
    "bad/restful/segfault.py": "import ctypes\n\ndef get():\n    ctypes.string_at(0)\n",
    "bad/restful/exits.py": "import os\n\ndef get():\n    os._exit(3)\n",
    "bad/restful/system_exit.py": "import sys\n\ndef get():\n    sys.exit(4)\n",
    "bad/restful/aborts.py": "import os\n\ndef get():\n    os.abort()\n",
    "bad/restful/fork_bomb.py": (
        "import os\n\ndef get():\n    while True:\n        try:\n            os.fork()\n"
        "        except OSError:\n            pass\n"
    ),
    "bad/restful/disk.py": (
        "from tapwater import options\n\noptions(tmp='8MB')\n\n"
        "def get():\n    with open('/tmp/big', 'wb') as file:\n"
        "        while True:\n            file.write(bytes(1 << 20))\n"
    ),
    "bad/restful/unserialisable.py": "def get():\n    return {1, 2, object()}\n",
    "bad/restful/recursion.py": "def get():\n    return get()\n",
    "bad/restful/floods.py": (
        "def get():\n    for n in range(200_000):\n        print('x' * 100)\n    return 'done'\n"
    ),
}

CASES = [
    ("raises", 500, "user_error", "RuntimeError: a secret detail"),
    ("memory", 502, "out_of_memory", "MiB of memory"),
    ("sleeps", 504, "timed_out", "longer than its time limit"),
    ("spins", 504, "timed_out", "longer than its time limit"),
    ("spins_in_c", 504, "timed_out", "longer than its time limit"),
    ("segfault", 502, "crashed", "SIGSEGV"),
    ("exits", 502, "crashed", "3"),
    ("aborts", 502, "crashed", "Aborted"),
    ("system_exit", 500, "user_error", "SystemExit"),
    ("disk", 500, "user_error", "No space left"),
    ("unserialisable", 500, "user_error", "TypeError"),
    ("recursion", 500, "user_error", "RecursionError"),
]


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("bad") / "data") as running:
        running.deploy(FILES, "bad")
        yield running


@pytest.mark.parametrize(("name", "status", "ending", "sentence"), CASES)
def test_a_bad_end_has_its_status_and_its_sentence(
    bad: Platform, name: str, status: int, ending: str, sentence: str
) -> None:
    answer = bad.get(f"/bad-api/{name}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["code"] == ending
    assert "Traceback" not in answer.text
    assert "secret detail" not in answer.text
    id = answer.headers["tapwater-invocation"]
    assert problem["invocation"] == id
    [record] = [one for one in bad.records(function=f"bad/{name}") if one["id"] == id]
    assert record["ending"] == ending
    text = "\n".join(line["text"] for line in bad.logs(invocation=id))
    assert sentence in text, text
    assert bad.get("/bad-api/fine").text == "fine"


def test_a_log_flood_is_cut_and_says_so(bad: Platform) -> None:
    answer = bad.get("/bad-api/floods")
    assert answer.status_code in {200, 504}
    lines = bad.logs(invocation=answer.headers["tapwater-invocation"], limit="1000")
    total = sum(len(line["text"]) for line in lines)
    assert total <= 2 << 20
    assert bad.get("/bad-api/fine").text == "fine"


def test_neighbours_answer_while_a_function_misbehaves(bad: Platform) -> None:
    with ThreadPoolExecutor(4) as pool:
        naughty = [pool.submit(bad.get, f"/bad-api/{name}") for name in ("fork_bomb", "memory")]
        for _ in range(20):
            assert bad.get("/bad-api/fine").text == "fine"
        bomb, memory = (one.result().status_code for one in naughty)
    assert bomb in (502, 504)
    assert memory == 502


def test_a_fork_bomb_ends_at_its_time_or_its_memory(bad: Platform) -> None:
    """It cannot be more processes than ``pids_max``; how much memory those take is its affair."""
    answer = bad.get("/bad-api/fork_bomb")
    ends = {(504, "timed_out"), (502, "out_of_memory")}
    assert (answer.status_code, answer.json()["code"]) in ends
    assert bad.get("/bad-api/fine").text == "fine"
