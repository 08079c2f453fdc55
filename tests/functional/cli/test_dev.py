"""`tapwater dev` and `up` with a whole platform: save, see, break, mend, stop."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.request import urlopen

import pytest

from tests.functional.cli.conftest import Run

pytestmark = pytest.mark.slow

GREET = "def get(name: str = 'world'):\n    return {'greeting': f'hello {name}'}\n"


class Process:
    """One `tapwater` that goes on, read line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def wait_for(self, key: str) -> Any:
        """Read until a JSON line that has ``key``; pytest's own time limit ends a vain wait."""
        for line in self.out:
            value = json.loads(line)
            if key in value:
                return value
        raise AssertionError(f"it ended without {key}: {self.process.wait(10)}")

    def wait_told(self, text: str) -> str:
        """Read stderr until a line that holds ``text``."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return line
        raise AssertionError(f"it ended without {text!r}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@contextmanager
def started(*arguments: str) -> Iterator[Process]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tapwater_server", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TAPWATER_PORT": "0"},
    )
    try:
        with process:
            yield Process(process)
    finally:
        if process.poll() is None:
            process.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tapwater_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fetch(url: str) -> Any:
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def app(home: Path) -> Path:
    folder = home / "here" / "shop"
    (folder / "hello" / "restful").mkdir(parents=True)
    (folder / "hello" / "restful" / "greet.py").write_text(GREET)
    return folder


def test_a_save_is_live_and_a_broken_one_is_not(app: Path) -> None:
    file = app / "hello" / "restful" / "greet.py"
    with started("dev", "--json", str(app)) as dev:
        first = dev.wait_for("deployed")
        url = first["deployed"]["functions"][0]["url"]
        assert fetch(url) == {"greeting": "hello world"}

        file.write_text(GREET.replace("hello", "hullo"))
        second = dev.wait_for("deployed")
        assert second["changed"] == ["hello/restful/greet.py"]
        assert fetch(url) == {"greeting": "hullo world"}

        file.write_text("def get(:\n")
        refused = json.loads(dev.wait_told("problem"))["problem"]
        assert "greet.py:1" in json.dumps(refused["problems"])
        assert fetch(url) == {"greeting": "hullo world"}, "what was live stays live"

        (app / "more" / "restful").mkdir(parents=True)
        (app / "more" / "restful" / "two.py").write_text("def get():\n    return 2\n")
        file.write_text(GREET)
        while len((third := dev.wait_for("deployed"))["deployed"]["functions"]) < 2:
            assert third["deployed"]["number"] < 10
        assert dev.stop() == 0
    assert (app / ".tapwater" / ".gitignore").read_text() == "*\n"


def test_one_file_and_the_commands_that_find_it(home: Path, bare: Run) -> None:
    file = home / "here" / "hello.py"
    file.write_text("def get():\n    print('said')\n    return {'one': 1}\n")
    data = home / "data-of-dev"
    with started("dev", "--json", str(file), "--data", str(data)) as dev:
        first = dev.wait_for("deployed")
        assert fetch(first["deployed"]["urls"][0] + "/") == {"one": 1}
        assert dev.wait_for("text")["text"] == "said", "logs come by themselves"
        call = bare("--data", str(data), "--json", "call", "hello", "--app", "hello")
        assert call.exit_code == 0, call.stderr
        assert json.loads(call.stdout)["status"] == 200
        assert dev.stop() == 0


def test_a_background_call_and_what_became_of_it(app: Path) -> None:
    with started("--json", "dev", str(app)) as dev:
        url = dev.wait_for("deployed")["deployed"]["urls"][0]
        where = ("--url", url, "--data", str(app / ".tapwater"))
        asked = run(*where, "call", "hello/greet", "--background")
        assert asked.returncode == 0, asked.stderr
        ended = run(*where, "result", asked.stdout.strip(), "--wait")
        assert (ended.returncode, json.loads(ended.stdout)) == (0, {"greeting": "hello world"})
        assert run(*where, "result", "01NOSUCH").returncode == 5
        assert dev.stop() == 0


def test_up_says_where_it_is_and_keeps_its_directory_for_itself(home: Path, bare: Run) -> None:
    data = home / "data"
    with started("up", "--json", "--data", str(data)) as up:
        url = up.wait_for("url")["url"]
        assert fetch(f"{url}/_/health")["status"] == "ok"
        found = bare("ls", "--data", str(data))
        assert (found.exit_code, found.stderr) == (0, "")
        doctor = json.loads(bare("doctor", "--json", "--data", str(data)).stdout)
        assert {"layers", "interpreters", "limits"} <= set(doctor)

        again = run("up", "--data", str(data))
        assert again.returncode == 2
        assert "already running" in again.stderr
        assert (data / "serving.json").exists(), "the second must not take back its word"
        port = url.rpartition(":")[2]
        busy = run("up", "--data", str(home / "other"), "--port", port)
        assert busy.returncode == 1
        assert "--port" in busy.stderr
        assert up.stop() == 0
    assert not (data / "serving.json").exists()
