"""`tapwater queue`, `schedules` and `cache` against a real platform."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tapwater_server.cli.main import build
from tests.functional.running import Platform

pytestmark = pytest.mark.slow
Tap = Callable[..., Any]


@pytest.fixture
def tap(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tap:
    """Run a command with --json, give what it says; or the problem, if it ends with one."""
    platform.deploy({"hello.py": "def get():\n    return 1\n"}, "shop")
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, input: bytes | None = None) -> Any:
        common = ["--url", platform.url, "--token", platform.token, "--json"]
        result = CliRunner().invoke(
            build(), [*common, *arguments, "--app", "shop"], input=input, prog_name="tapwater"
        )
        return json.loads(result.stdout if result.exit_code == 0 else result.stderr)

    return run


def test_queue(tap: Tap, tmp_path: Path) -> None:
    tap("queue", "set", "q", "--attempts", "1", "--visibility", "0.001")
    id = tap("queue", "send", "q", '{"a": [1]}', "--key", "k", "--attribute", "shop=7")["id"]
    [listed] = tap("queue", "peek", "q")["messages"]
    assert (listed["id"], listed["key"], listed["state"]) == (id, "k", "waiting")
    shown = tap("queue", "peek", "q", id)["message"]
    assert (shown["body"], shown["attributes"]) == ({"a": [1]}, {"shop": "7"})
    assert [one["id"] for one in tap("queue", "receive", "q", "--keep")["messages"]] == [id]
    assert tap("queue", "receive", "q")["messages"] == []
    assert [one["id"] for one in tap("queue", "dead", "q")["messages"]] == [id]
    assert tap("queue", "redrive", "q", "--to", "q2")["redriven"] == 1
    assert tap("queue", "receive", "q2")["messages"][0]["body"] == {"a": [1]}
    (tmp_path / "raw").write_bytes(b"\x00\xff")
    tap("queue", "send", "q3", f"@{tmp_path / 'raw'}")
    tap("queue", "send", "q3", "-", input=b"plain text")
    found = tap("queue", "receive", "q3", "--count", "5")["messages"]
    assert [one.get("base64", one.get("text")) for one in found] == ["AP8=", "plain text"]
    tap("queue", "send", "q3", "1", "--delay", "60")
    assert tap("queue", "purge", "q3")["dropped"] in {0, 1}
    tap("queue", "rm", "q3")
    assert "q3" not in [one["name"] for one in tap("queue", "ls")["queues"]]
    assert tap("queue", "dead", "q", "--drop")["dropped"] == 0


def test_topics(tap: Tap) -> None:
    tap("queue", "subscribe", "news", "copy")
    tap("queue", "publish", "news", '"hi"', "--attribute", "shop=7")
    [message] = tap("queue", "receive", "copy")["messages"]
    assert (message["body"], message["attributes"]) == ("hi", {"shop": "7", "topic": "news"})
    assert tap("queue", "subscribe", "news", "copy", "--end")["subscribed"] is False
    problem = tap("queue", "subscribe", "news", "copy", "--end")["problem"]
    assert problem["code"] == "not_found"


def test_schedules(tap: Tap) -> None:
    made = tap("schedules", "set", "s", "every 1d", "--target", "queue:s", "--payload", "[1]")
    assert made["schedule"]["payload"] == [1]
    tap("schedules", "set", "o", "--at", "2099-01-01T00:00:00", "--target", "topic:t")
    assert [one["name"] for one in tap("schedules", "ls")["schedules"]] == ["o", "s"]
    assert tap("schedules", "pause", "s")["schedule"]["paused"] is True
    assert tap("schedules", "resume", "s")["schedule"]["paused"] is False
    tap("schedules", "rm", "s")
    assert tap("schedules", "rm", "s")["problem"]["code"] == "not_found"
    assert tap("schedules", "set", "s", "--target", "queue:s")["problem"]["code"] == "usage"
    assert len(tap("schedules", "next", "@daily", "-n", "3")["next"]) == 3


def test_cache(tap: Tap) -> None:
    tap("cache", "set", "a/b", "text", "--ttl", "60")
    tap("cache", "set", "a/c", "-", input=b"\xff\x00")
    assert tap("cache", "get", "a/b")["value"] == "text"
    assert tap("cache", "get", "a/c")["base64"] == "/wA="
    assert [one["key"] for one in tap("cache", "ls", "a/")["keys"]] == ["a/b", "a/c"]
    assert tap("cache", "rm", "a/b")["dropped"] is True
    assert tap("cache", "clear")["dropped"] == 1
    assert tap("cache", "get", "a/b")["problem"]["code"] == "not_found"
