"""Whose a line is: what is printed, logged, written by a program that a function started."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

SECRET = "correct horse battery"
APP = {
    "restful/runs.py": """
import json, os, subprocess, sys
from tapwater import options

options(memory="256MB")

def get(n: int):
    print("printed", n)
    print("on stderr", n, file=sys.stderr)
    print(json.dumps({"level": "error", "msg": "as json", "n": n}))
    os.write(1, b"straight %d\\n" % n)
    subprocess.run([sys.executable, "-c", f"print('from a child', {n})"], check=True)
    return "x"
""",
    "restful/many.py": """
import asyncio, os, sys
from tapwater import options

options(concurrency=2)
both = None

async def get(n: int):
    global both
    if both is None or both.done():
        both = asyncio.get_running_loop().create_future()
        await both
    else:
        os.write(1, b"of two\\n")
        await asyncio.sleep(0.2)
        both.set_result(None)
    print("mine", n)
    return "x"
""",
    "restful/tells.py": """
import base64
import tapwater
from urllib.parse import quote

def get(ctx):
    secret = ctx.secret("PHRASE")
    with tapwater.span("step", phrase=secret, token="abc"):
        print("it is", secret, quote(secret), base64.b64encode(b"x" + secret.encode()).decode())
        tapwater.log.info("said", text=f"<{secret}>", api_key=7)
    raise ValueError(f"cannot use {secret}")
""",
    "reactive/dies.py": """
from tapwater import on, options

options(retries=1)

@on.document_created("letters/{id}")
def dies(event, ctx):
    raise ValueError("cannot open it with " + ctx.secret("PHRASE"))
""",
    "restful/prints.py": """
import asyncio, logging, os, threading, time
from concurrent.futures import ThreadPoolExecutor

print("printed at import")
os.write(2, b"written at import\\n")
pool = ThreadPoolExecutor(1)

async def get(n: int):
    loop = asyncio.get_running_loop()
    thread = threading.Thread(target=lambda: print("in a thread", n))
    thread.start()
    await asyncio.to_thread(thread.join)
    await loop.run_in_executor(None, lambda: print("in the executor", n))
    await asyncio.wrap_future(pool.submit(print, "in a pool", n))
    return "x"
""",
    "restful/halves.py": """
def get():
    raise ValueError("half \\ud800")
""",
    "restful/leaves.py": """
import threading

go_on = threading.Event()

def get(n: int):
    if n == 1:
        threading.Thread(target=lambda: (go_on.wait(), print("left by 1"))).start()
        return "x"
    go_on.set()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()
    return "x"
""",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder: Path = tmp_path_factory.mktemp("lines")
    with Platform(folder / "data") as running:
        running.api("PUT", "/apps/shop/secrets/PHRASE", json={"value": SECRET}).raise_for_status()
        running.deploy(APP, "shop")
        yield running


def lines_of(platform: Platform, **query: str) -> list[dict[str, Any]]:
    answer = platform.api("GET", "/logs", params={"app": "shop", "limit": "500", **query})
    answer.raise_for_status()
    return list(answer.json()["lines"])


def test_each_line_says_how_it_was_said_and_in_which_call(platform: Platform) -> None:
    calls = [platform.get(f"/runs?n={n}").headers["tapwater-invocation"] for n in range(3)]
    until(
        lambda: all(len(lines_of(platform, invocation=id)) == 5 for id in calls),
        "each call has its five lines",
    )
    for n, id in enumerate(calls):
        said = {line["stream"]: line for line in lines_of(platform, invocation=id)}
        assert said["stderr"]["text"] == f"on stderr {n}"
        texts = {line["text"]: line for line in lines_of(platform, invocation=id)}
        assert texts[f"printed {n}"]["stream"] == "print"
        assert texts[f"straight {n}"]["stream"] == "output"
        assert texts[f"from a child {n}"]["stream"] == "output"
        assert texts["as json"]["fields"] == {"n": n}
        assert texts["as json"]["level"] == "error"
        assert all(len(line["trace"]) == 32 for line in texts.values())


def test_what_is_printed_at_import_is_the_functions(platform: Platform) -> None:
    lines = lines_of(platform, text="at import")
    assert {line["text"] for line in lines} == {"printed at import", "written at import"}
    assert all(line["function"] == "prints" and line["stream"] == "import" for line in lines)
    assert all(line["invocation"] == "" for line in lines)


def test_threads_speak_for_the_call_that_started_them(platform: Platform) -> None:
    calls = [platform.get(f"/prints?n={n}").headers["tapwater-invocation"] for n in range(2)]
    until(
        lambda: all(len(lines_of(platform, invocation=id)) == 3 for id in calls),
        "each call has its three lines",
    )
    for n, id in enumerate(calls):
        said = {line["text"] for line in lines_of(platform, invocation=id)}
        assert said == {f"in a thread {n}", f"in the executor {n}", f"in a pool {n}"}


def test_a_thread_that_was_left_speaks_for_no_later_call(platform: Platform) -> None:
    assert platform.get("/leaves?n=1").status_code == 200
    assert platform.get("/leaves?n=2").status_code == 200
    until(lambda: bool(lines_of(platform, text="left by 1")), "the thread has said its word")
    (line,) = lines_of(platform, text="left by 1")
    assert line["invocation"] == ""
    assert line["instance"]


def test_an_error_with_half_a_character_is_recorded_as_any(platform: Platform) -> None:
    id = platform.get("/halves").headers["tapwater-invocation"]
    until(
        lambda: platform.api("GET", f"/recordings/{id}").status_code == 200,
        "the call is recorded",
    )
    assert "ValueError: half ?" in platform.api("GET", f"/recordings/{id}").text


def test_of_two_calls_at_a_time_plain_output_is_the_instances(platform: Platform) -> None:
    ids: list[str] = []

    def call(n: int) -> None:
        answer = httpx.get(f"{platform.url}/many?n={n}", timeout=30)
        ids.append(answer.headers["tapwater-invocation"])

    threads = [threading.Thread(target=call, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: len(lines_of(platform, text="mine")) == 2, "both have printed")
    until(lambda: bool(lines_of(platform, text="of two")), "the output has come")
    [line] = lines_of(platform, text="of two")
    assert line["invocation"] == ""
    assert line["instance"]
    assert {one["invocation"] for one in lines_of(platform, text="mine")} == set(ids)


def test_secrets_are_nowhere(platform: Platform) -> None:
    answer = platform.get("/tells")
    assert answer.status_code == 500
    id = answer.headers["tapwater-invocation"]
    until(lambda: len(lines_of(platform, invocation=id)) >= 3, "the call has its lines")
    lines = lines_of(platform, invocation=id)
    said = next(line for line in lines if line["text"] == "said")
    assert said["fields"] == {"text": "<•••>", "api_key": "•••"}
    record = platform.api("GET", f"/invocations/{id}").json()
    trace = platform.api("GET", f"/traces/{record['trace']}")
    everything = platform.api("GET", f"/invocations/{id}").text + trace.text + str(lines)
    assert "cannot use •••" in everything
    for form in (SECRET, "correct%20horse%20battery", "b3JyZWN0IGhvcnNlIGJhdHRlcn"):
        assert form not in everything
    step = next(one for one in trace.json()["spans"] if one["kind"] == "user")
    assert step["facts"] == {"phrase": "•••", "token": "•••"}
    bearer = {"authorization": f"Bearer {platform.token}"}
    letter = f"{platform.url}/_/v1/docs/letters/1"
    platform.http.put(letter, json={"a": 1}, headers=bearer).raise_for_status()
    until(lambda: bool(dead_of(platform)), "the event is a dead letter")
    assert "cannot open it with •••" in dead_of(platform)[0]["reason"]
    files = [file for file in platform.data.rglob("*") if file.is_file()]
    holding = [file.name for file in files if SECRET.encode() in file.read_bytes()]
    assert holding == []


def dead_of(platform: Platform) -> list[dict[str, Any]]:
    bearer = {"authorization": f"Bearer {platform.token}"}
    answer = platform.get("/_/v1/events/dead", headers=bearer)
    answer.raise_for_status()
    return list(answer.json()["deliveries"])
