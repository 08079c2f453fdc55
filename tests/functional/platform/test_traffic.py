"""From a deploy to its end: previews, weights, aliases, rollback, and deploys that are refused."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tapwater_server.model.limits import BODY_INLINE_BYTES_MAX
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

ECHO = """\
from tapwater import Stream, WebSocket


def get():
    return "WORD"


def post(body: Stream):
    return "WORD" + b"".join(body).decode()


async def websocket(ws: WebSocket):
    async for message in ws:
        await ws.send("WORD" + message)
"""


def files(word: str) -> dict[str, str]:
    return {"group/restful/say.py": ECHO.replace("WORD", word)}


def say(platform: Platform, host: str) -> str:
    return platform.visit(host, "/group-api/say").text


def converse(platform: Platform, host: str) -> ClientConnection:
    url = f"ws://{host}.localhost:{platform.port}/group-api/say"
    return connect(url, sock=socket.create_connection(("127.0.0.1", platform.port)))


def test_a_revision_from_its_preview_to_its_end(platform: Platform) -> None:
    app = "life"
    assert platform.deploy(files("one"), app)["number"] == 1
    second = platform.deploy(files("two"), app, traffic="false", note="the second")
    assert (second["number"], second["note"]) == (2, "the second")
    assert second["preview"] == f"http://r2--life.localhost:{platform.port}"
    assert (say(platform, "life"), say(platform, "r2--life")) == ("one", "two")

    split = platform.api("PUT", f"/apps/{app}/aliases/live", json={"weights": {"1": 90, "2": 10}})
    assert split.json()["aliases"]["live"] == {"1": 90, "2": 10}
    heard = Counter(say(platform, "life") for _ in range(200))
    assert set(heard) == {"one", "two"}
    assert heard["one"] > heard["two"]

    whole = platform.api("PUT", f"/apps/{app}/aliases/live", json={"weights": {"2": 100}})
    assert whole.status_code == 200
    assert {say(platform, "life") for _ in range(20)} == {"two"}
    back = platform.api("POST", f"/apps/{app}/rollback", json={})
    assert back.json()["aliases"]["live"] == {"1": 100}
    assert {say(platform, "life") for _ in range(20)} == {"one"}

    assert platform.api("DELETE", f"/apps/{app}/revisions/1").status_code == 409  # It is live.
    assert platform.api("DELETE", f"/apps/{app}/revisions/2").status_code == 204
    assert platform.visit("r2--life", "/group-api/say").status_code == 404
    assert platform.api("DELETE", f"/apps/{app}").status_code == 204
    assert platform.visit("life", "/group-api/say").status_code == 404
    assert app not in [one["name"] for one in platform.api("GET", "/apps").json()["apps"]]


def test_an_alias_has_a_host_of_its_own(platform: Platform) -> None:
    platform.deploy(files("stable"), "named")
    canary = platform.deploy(files("new"), "named", alias="canary")
    assert canary["urls"] == [f"http://canary--named.localhost:{platform.port}"]
    assert (say(platform, "named"), say(platform, "canary--named")) == ("stable", "new")
    weights = {"weights": {"live": 50, "canary": 50}}
    said = platform.api("PUT", "/apps/named/aliases/live", json=weights).json()
    assert said["aliases"]["live"] == {"1": 50, "2": 50}
    assert platform.api("DELETE", "/apps/named/aliases/canary").status_code == 204
    assert platform.visit("canary--named", "/group-api/say").status_code == 404


@pytest.mark.parametrize(
    "weights",
    [{"1": 90}, {"1": 101, "2": -1}, {"1": 50.5, "2": 49.5}, {"7": 100}, {"nobody": 100}, {}],
)
def test_weights_that_cannot_be_change_nothing(
    platform: Platform, weights: dict[str, object]
) -> None:
    platform.deploy(files("here"), "weighed")
    answer = platform.api("PUT", "/apps/weighed/aliases/live", json={"weights": weights})
    assert answer.status_code in {400, 404, 422}, answer.text
    assert say(platform, "weighed") == "here"


REFUSED = {
    "no function at all": ({"readme.txt": "nothing here"}, "", "function"),
    "a syntax error": (
        {"group/restful/bad.py": "import os\n\ndef get(:\n    pass\n"},
        "group/restful/bad.py:3",
        "syntax",
    ),
    "an import that crashes": (
        {"group/restful/bad.py": "def get(): ...\n\nraise RuntimeError('not today')\n"},
        "group/restful/bad.py:3",
        "not today",
    ),
    "a crash inside the app's own library": (
        {
            "group/restful/bad.py": "import lib.deep\n\ndef get(): ...\n",
            "lib/deep.py": "x = 1\ny = x / 0\n",
        },
        'lib/deep.py", line 2',
        "division by zero",
    ),
    "a module that is not installed": (
        {"group/restful/bad.py": "import nosuchmodule\n\ndef get(): ...\n"},
        "group/restful/bad.py:1",
        "nosuchmodule",
    ),
    "a process that dies while it imports": (
        {"group/restful/bad.py": "import os\nos._exit(7)\n\ndef get(): ...\n"},
        "group/restful/bad.py",
        "",
    ),
    "no handler in the file": ({"group/restful/bad.py": "x = 1\n"}, "group/restful/bad.py", "get"),
    "an option that does not exist": (
        {
            "group/restful/bad.py": (
                "from tapwater import options\noptions(memry='1GB')\n\ndef get(): ...\n"
            )
        },
        "group/restful/bad.py:2",
        "memory",
    ),
    "a manifest that is wrong": (
        {**files("x"), "tapwater.toml": "[defaults]\nmemory = 'much'\n"},
        "tapwater.toml:2",
        "memory",
    ),
    "a dependency that must be built": (
        {**files("x"), "requirements.txt": "requests\n\ngit+https://example.com/x.git\n"},
        "requirements.txt:3",
        "",
    ),
}


@pytest.fixture(scope="module")
def steady(platform: Platform) -> Platform:
    platform.deploy(files("steady"), "steady")
    return platform


@pytest.mark.parametrize("name", REFUSED)
def test_a_deploy_that_fails_changes_nothing_and_names_the_line(
    steady: Platform, name: str
) -> None:
    broken, where, what = REFUSED[name]
    before = steady.api("GET", "/apps/steady").json()
    answer = steady.try_deploy(broken, "steady")
    assert "problem" in answer, answer
    problem = answer["problem"]
    told = [f"{one['where']} {one['what']}" for one in problem.get("problems", [])]
    if where:
        assert any(where in one for one in told), problem
    assert what.lower() in str(problem).lower()
    assert steady.api("GET", "/apps/steady").json() == before
    assert say(steady, "steady") == "steady"
    bundles = {one.name for one in (steady.data / "bundles").iterdir()}
    known = {one["id"] for one in steady.api("GET", "/apps/steady/revisions").json()["revisions"]}
    assert len(known) == 1
    assert not [name for name in bundles if ".tmp" in name]


def test_calls_in_flight_end_on_the_revision_they_began_on(platform: Platform) -> None:
    app = "switch"
    platform.deploy(files("old:"), app)
    switched = threading.Event()
    first = b"-" * (BODY_INLINE_BYTES_MAX + 1)

    def parts() -> Iterator[bytes]:
        yield first  # More than the door gathers before it makes the call.
        assert switched.wait(60)
        yield b"last"

    def send() -> httpx.Response:
        return platform.visit(app, "/group-api/say", method="POST", content=parts())

    with ThreadPoolExecutor(1) as pool, converse(platform, app) as talk:
        talk.send("a")
        assert talk.recv(30) == "old:a"
        sent = pool.submit(send)
        until(lambda: platform.running("group/say") == 2, "the call and the conversation run")
        platform.deploy(files("new:"), app)
        assert say(platform, app) == "new:"
        switched.set()
        assert sent.result().text == f"old:{first.decode()}last"
        talk.send("b")
        assert talk.recv(30) == "old:b"
    with converse(platform, app) as talk:
        talk.send("c")
        assert talk.recv(30) == "new:c"
