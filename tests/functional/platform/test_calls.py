"""Functions that call functions, many calls in one instance, and calls there is no room for."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from tapwater_server.model.limits import BODY_INLINE_BYTES_MAX, CHAIN_DEPTH_MAX
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

HOLD = """\
from tapwater import Stream, options

options(instances=(0, 1), queue=1)


def post(body: Stream):
    return sum(len(piece) for piece in body)
"""
FILES = {
    "chain/restful/loop.py": (
        "from tapwater import CallFailed, Context, HostRefused\n\n"
        "def get(ctx: Context):\n"
        "    try:\n        return ctx.call('chain/loop')\n"
        "    except (HostRefused, CallFailed) as error:\n"
        "        return {'depth': ctx.depth, 'said': str(error)}\n"
    ),
    "chain/restful/first.py": (
        "from tapwater import Context\n\n"
        "def get(ctx: Context, n: int):\n"
        "    return {'sum': ctx.call('chain/add', {'a': n, 'b': 1}), 'trace': ctx.traceparent}\n"
    ),
    "chain/restful/add.py": "def post(body: dict):\n    return body['a'] + body['b']\n",
    "many/restful/together.py": (
        "import asyncio\nimport os\n\nfrom tapwater import options\n\n"
        "options(concurrency=8, instances=(0, 1))\nhere = 0\nall_here = asyncio.Event()\n\n"
        "async def get():\n"
        "    global here\n    here += 1\n    if here == 8:\n        all_here.set()\n"
        "    await all_here.wait()\n    return os.getpid()\n"
    ),
    "many/restful/threads.py": (
        "import threading\n\nfrom tapwater import options\n\n"
        "options(concurrency=4, instances=(0, 1))\nmeeting = threading.Barrier(4)\n\n"
        "def get():\n    meeting.wait(20)\n    return threading.get_ident()\n"
    ),
    "full/restful/hold.py": HOLD,
    "full/restful/impatient.py": HOLD.replace("queue=1", "queue=9, queue_timeout='200ms'"),
    "full/restful/seldom.py": (
        "from tapwater import options\n\noptions(rate='2/h')\n\ndef get():\n    return 'rare'\n"
    ),
    "full/restful/rested.py": (
        "import threading\nimport time\n\nfrom tapwater import options\n\n"
        "options(freeze=True, instances=(0, 1))\nticks = 0\n\n"
        "def tick():\n    global ticks\n    while True:\n        ticks += 1\n"
        "        time.sleep(0.001)\n\n"
        "def get():\n"
        "    if threading.active_count() == 1:\n"
        "        threading.Thread(target=tick, daemon=True).start()\n"
        "    return {'ticks': ticks, 'at': time.monotonic()}\n"
    ),
}


@pytest.fixture(scope="module")
def app(platform: Platform) -> Platform:
    platform.deploy(FILES, "app")
    return platform


def test_a_function_calls_another_and_both_have_records(app: Platform) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = app.get("/chain-api/first", params={"n": 41}, headers={"traceparent": trace})
    assert answer.json()["sum"] == 42
    assert answer.json()["trace"].split("-")[1] == trace.split("-")[1]
    [one] = app.records(function="chain/add")
    assert (one["ending"], one["status"]) == ("ok", 200)
    assert len(app.records(function="chain/first")) == 1


def test_calls_that_go_round_in_circles_are_stopped(app: Platform) -> None:
    answer = app.get("/chain-api/loop").json()
    assert answer["depth"] == CHAIN_DEPTH_MAX == 16
    endings = Counter(one["ending"] for one in app.records(function="chain/loop"))
    assert endings.pop("ok") == CHAIN_DEPTH_MAX + 1
    assert endings.total() == 1  # The one that was stopped.


@pytest.mark.parametrize(("name", "calls"), [("together", 8), ("threads", 4)])
def test_as_many_calls_as_it_says_share_an_instance(app: Platform, name: str, calls: int) -> None:
    """None of them answers before all of them are there."""
    with ThreadPoolExecutor(calls) as pool:
        asked = [pool.submit(app.get, f"/many-api/{name}") for _ in range(calls)]
        answers = [one.result() for one in asked]
    assert {one.status_code for one in answers} == {200}
    assert len({one.text for one in answers}) == (1 if name == "together" else calls)


class Held:
    """A call whose body has an end only when we say so."""

    def __init__(self, app: Platform, pool: ThreadPoolExecutor, path: str) -> None:
        self._done = threading.Event()
        self.answer: Future[httpx.Response] = pool.submit(
            app.http.post, app.url + path, content=self._parts()
        )

    def _parts(self) -> Iterator[bytes]:
        yield bytes(BODY_INLINE_BYTES_MAX + 1)  # So much that the call is made before the end.
        assert self._done.wait(60)

    def finish(self) -> httpx.Response:
        self._done.set()
        return self.answer.result()


@contextmanager
def held(app: Platform, path: str) -> Iterator[tuple[Held, ThreadPoolExecutor]]:
    """Keep the only instance of a function busy."""
    with ThreadPoolExecutor(4) as pool:
        call = Held(app, pool, path)
        function = path.removeprefix("/").replace("-api", "")
        until(lambda: app.running(function) == 1, "the only seat is taken")
        try:
            yield call, pool
        finally:
            call.finish()


def test_a_full_waiting_room_says_when_to_come_back(app: Platform) -> None:
    with held(app, "/full-api/hold") as (sitting, pool):
        waiting = pool.submit(app.http.post, f"{app.url}/full-api/hold", content=b"ab")
        until(lambda: app.running("full/hold", "waiting") == 1, "the only chair is taken")
        refused = app.http.post(f"{app.url}/full-api/hold", content=b"abc")
        assert refused.status_code == 503
        assert refused.json()["code"] == "overloaded"
        assert int(refused.headers["retry-after"]) >= 1
        assert sitting.finish().json() == BODY_INLINE_BYTES_MAX + 1
        assert waiting.result().json() == 2


def test_nobody_waits_longer_than_the_function_says(app: Platform) -> None:
    with held(app, "/full-api/impatient"):
        refused = app.http.post(f"{app.url}/full-api/impatient", content=b"abc")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")


def test_a_rate_lets_in_so_many_and_says_when_there_is_room(app: Platform) -> None:
    answers = [app.get("/full-api/seldom") for _ in range(5)]
    assert answers[0].text == "rare"
    assert {one.status_code for one in answers} == {200, 429}
    assert answers[-1].json()["code"] == "rate_limited"
    assert int(answers[-1].headers["retry-after"]) > 60


def test_a_function_that_asks_for_it_rests_between_its_calls(app: Platform) -> None:
    """Its thread counts milliseconds; while it rests, none go by for it."""
    first = app.get("/full-api/rested").json()

    def rested() -> bool:
        now = app.get("/full-api/rested").json()
        passed, counted = now["at"] - first["at"], now["ticks"] - first["ticks"]
        return bool(passed > 0.5 and counted < passed * 500)

    until(rested, "fewer ticks than half of the milliseconds that passed")


RETRIED = {
    "jobs/restful/second_time.py": (
        "from tapwater import Request\n\ndef post(request: Request, body: dict):\n"
        "    attempt = int(request.headers['tapwater-attempt'])\n"
        "    if attempt < 2:\n        raise RuntimeError('not yet')\n"
        "    return {'attempt': attempt, 'got': body}\n"
    ),
    "jobs/restful/never.py": "def post(body: dict):\n    raise RuntimeError('never')\n",
}


@pytest.mark.parametrize(
    ("function", "state", "attempts", "endings"),
    [
        ("jobs/second_time", "done", 2, ["ok", "user_error"]),
        ("jobs/never", "dead", 5, ["user_error"] * 5),
    ],
)
def test_a_background_call_is_tried_again_until_it_is_given_up(
    platform: Platform, function: str, state: str, attempts: int, endings: list[str]
) -> None:
    platform.deploy(RETRIED, "jobs")
    asked = {"data": {"n": 1}, "background": True}
    accepted = platform.api("POST", f"/apps/jobs/call/{function}", json=asked)
    assert accepted.status_code == 202
    path = f"/background/{accepted.json()['id']}"
    until(
        lambda: platform.api("GET", path).json()["state"] in {"done", "dead"},
        "it has ended",
        seconds=60,
    )
    ended = platform.api("GET", path).json()
    assert (ended["state"], ended["attempt"]) == (state, attempts)
    records = platform.records(app="jobs", function=function)
    assert [one["ending"] for one in records] == endings
    if state == "done":
        assert json.loads(ended["result"]["body"]) == {"attempt": 2, "got": {"n": 1}}
    else:
        assert "never" in ended["reason"] or "user_error" in ended["reason"]


def test_a_background_call_carries_data_and_nothing_else(platform: Platform) -> None:
    platform.deploy(RETRIED, "plain")
    asked = {"data": {}, "background": True, "query": "a=1"}
    refused = platform.api("POST", "/apps/plain/call/jobs/never", json=asked)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
