"""`tapwater events` against a real platform: what it asks, prints and ends with."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.functional.events.seeing import Line
from tests.functional.running import REPOSITORY

pytestmark = pytest.mark.slow

Tap = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def tap(line: Line) -> Tap:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(line.platform.data),
            "TAPWATER_URL": line.platform.url,
            "TAPWATER_TOKEN": line.platform.token,
            "PYTHONPATH": str(REPOSITORY / "src"),
        }
        command = [sys.executable, "-m", "tapwater_server", "events", *arguments, "--app", "line"]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


def test_publish_and_look(line: Line, tap: Tap) -> None:
    said = tap("publish", "plain.cli", "--data", '{"n": 1}', "--id", "cli-1", "--subject", "a[b]")
    assert (said.returncode, said.stdout) == (0, "cli-1\n")
    assert "known already" in tap("publish", "plain.cli", "--id", "cli-1").stdout
    line.wait_saw("plain", lambda seen: any(one["id"] == "cli-1" for one in seen))
    line.wait_quiet()
    shown = tap("show", "cli-1").stdout
    assert '{"n": 1}' in shown
    assert "a[b]" in shown
    assert "plain: done, attempt 1" in shown
    listed = json.loads(tap("ls", "--type", "plain.c*", "--json").stdout)
    assert [one["id"] for one in listed["events"]] == ["cli-1"]
    assert "plain.cli" in tap("ls").stdout


def test_dead_letters(line: Line, tap: Tap) -> None:
    line.publish("typed", {}, id="cli-dead")
    line.wait_dead("typed", 1)
    listed = json.loads(tap("dead", "--function", "typed", "--json").stdout)["deliveries"]
    [id] = [one["id"] for one in listed if one["event"] == "cli-dead"]
    assert "answered with status 422" in tap("dead").stdout
    assert '"id": "cli-dead"' in tap("show", id).stdout
    assert tap("retry", id).stdout == "1 dead letter tried again.\n"
    line.wait_quiet()
    assert "dead letter" in tap("drop", "--function", "typed").stdout
    assert tap("drop", id).returncode == 5
    assert tap("drop").returncode == 2
    assert tap("lines").returncode == 0
    assert tap("deliveries", "--state", "done").returncode == 0


def test_replay(line: Line, tap: Tap) -> None:
    line.publish("plain.cli-replay", id="cli-r")
    line.wait_saw("plain", lambda seen: any(one["id"] == "cli-r" for one in seen))
    said = tap("replay", "--since", "1h", "--type", "plain.cli-replay", "--function", "plain")
    assert said.stdout == "1 events, 1 deliveries.\n"
    assert tap("replay", "--since", "soon").returncode == 2
    assert tap("show", "nothing").returncode == 5
