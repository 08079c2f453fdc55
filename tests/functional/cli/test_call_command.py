"""`tapwater call` and `logs` against a real HTTP server."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.functional.cli.conftest import Run
from tests.functional.cli.control_stand_in import Script

GREET = ("POST", "/apps/hello/call/hello/greet/[name]")
TICK = ("POST", "/apps/hello/call/hello/tick")


def answered(**more: Any) -> tuple[int, dict[str, Any]]:
    usage = {"cold": True, "wall_s": 0.0042, "memory_peak_bytes": 12 << 20}
    usual = {"invocation": "01J", "ending": "ok", "status": 200, "headers": [], "usage": usage}
    return 200, {**usual, **more}


def test_the_body_alone_goes_to_stdout(control: Script, tap: Run) -> None:
    control.answers[GREET] = answered(body='{"greeting": "hello Ada"}')
    result = tap("call", "hello/greet/Ada", "-q", "a=1", "-q", "a=2", "-H", "Accept: text/html")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == '{"greeting": "hello Ada"}\n'
    assert "200  4.2 ms  12 MB  cold" in result.stderr
    assert control.last("POST").json == {
        "params": {"name": "Ada"},
        "query": "a=1&a=2",
        "headers": {"Accept": "text/html"},
        "background": False,
    }


def test_data_is_json_a_file_or_bytes(control: Script, tap: Run, tmp_path: Path) -> None:
    control.answers[TICK] = answered(body="")
    assert tap("call", "hello/tick", "--data", '{"a": 1}', "-m", "put").exit_code == 0
    asked = control.last("POST").json
    assert (asked["data"], asked["method"]) == ({"a": 1}, "PUT")
    file = tmp_path / "picture.png"
    file.write_bytes(b"\x89PNG")
    assert tap("call", "hello/tick", "--data", f"@{file}").exit_code == 0
    assert base64.b64decode(control.last("POST").json["body_base64"]) == b"\x89PNG"
    assert tap("call", "hello:hello/tick", "--data", "@-", input="[1]").exit_code == 0
    assert control.last("POST").json["data"] == [1]


@pytest.mark.parametrize("data", ["{x", "@/nowhere/at/all"])
def test_data_that_cannot_be_read_asks_nobody(control: Script, tap: Run, data: str) -> None:
    assert tap("call", "hello/tick", "--data", data).exit_code == 2
    assert control.asked == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"status": 204}, 0),
        ({"status": 404}, 1),
        ({"status": 422}, 1),
        ({"ending": "timed_out", "status": 504}, 1),
        ({"ending": "out_of_memory", "status": 0}, 1),
    ],
)
def test_the_exit_code_says_how_it_ended(
    control: Script, tap: Run, more: dict[str, Any], code: int
) -> None:
    control.answers[TICK] = answered(**more)
    assert tap("call", "hello/tick").exit_code == code


def test_an_ending_says_what_to_do(control: Script, tap: Run) -> None:
    control.answers[TICK] = answered(ending="timed_out", status=504, message="took 30 s [limit]")
    result = tap("call", "hello/tick")
    assert "504  timed_out  took 30 s [limit]" in result.stderr
    assert "options(timeout=...)" in result.stderr


def test_bytes_come_out_as_they_are(control: Script, tap: Run) -> None:
    control.answers[TICK] = answered(body=None, body_base64=base64.b64encode(b"\xff\x00").decode())
    assert tap("call", "hello/tick").stdout_bytes == b"\xff\x00"


def test_in_the_background(control: Script, tap: Run) -> None:
    control.answers[TICK] = (202, {"id": "01JBACKGROUND"})
    result = tap("call", "hello/tick", "--background")
    assert (result.exit_code, result.stdout) == (0, "01JBACKGROUND\n")
    assert control.last("POST").json["background"] is True


@pytest.mark.parametrize(
    ("state", "code", "out", "told"),
    [
        ({"state": "waiting", "attempt": 0}, 1, "", "waiting"),
        (
            {"state": "done", "attempt": 2, "result": {"status": 200, "body": "hi"}},
            0,
            "hi\n",
            "200",
        ),
        (
            {"state": "done", "attempt": 1, "result": {"status": 404, "body": "no"}},
            1,
            "no\n",
            "404",
        ),
        ({"state": "dead", "attempt": 5, "reason": "crashed [9]"}, 1, "", "crashed [9]"),
    ],
)
def test_what_became_of_it(
    control: Script, tap: Run, state: dict[str, Any], code: int, out: str, told: str
) -> None:
    control.answers["GET", "/background/01JB"] = (200, state)
    result = tap("result", "01JB")
    assert (result.exit_code, result.stdout) == (code, out)
    assert told in result.stderr
    assert json.loads(tap("result", "01JB", "--json").stdout) == state


def test_a_function_that_is_not_there(tap: Run) -> None:
    result = tap("call", "hello/tock")
    assert result.exit_code == 5
    assert "Did you mean hello/tick" in result.stderr


LINES = [
    {"at": 1.0, "function": "hello/tick", "level": "info", "text": "one", "seq": 1},
    {"at": 2.0, "function": "hello/tick", "level": "error", "text": "\x1b[2Jtwo", "seq": 2},
]
MORE = {"at": 3.0, "function": "hello/greet", "level": "info", "text": "three", "seq": 3}


def test_logs(control: Script, tap: Run) -> None:
    control.answers["GET", "/logs"] = (200, {"lines": LINES, "next": 2})
    result = tap("logs", "hello/tick", "--level", "error", "--grep", "t", "--since", "10m")
    assert result.exit_code == 0
    assert "hello/tick one" in result.stdout
    assert "error" in result.stdout
    assert "\x1b" not in result.stdout
    asked = control.last("GET").query
    assert (asked["function"], asked["level"], asked["text"]) == ("hello/tick", "error", "t")
    assert float(asked["since"]) > 0


def test_logs_that_are_followed_go_on_where_they_were(control: Script, tap: Run) -> None:
    control.answers["GET", "/logs"] = (200, {"lines": LINES, "next": 2})
    control.followed = [[MORE], []]  # The server ends the stream twice, as when it is restarted.
    result = tap("--json", "logs", "-f", "-n", "1")
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == [2, 3]
    followed = [one.query["after"] for one in control.asked if one.query.get("follow")]
    assert followed == ["2", "3", "3"]
    assert result.exit_code == 4


@pytest.mark.parametrize("arguments", [["--level", "loud"], ["--since", "yesterday"]])
def test_logs_asked_for_in_a_wrong_way(control: Script, tap: Run, arguments: list[str]) -> None:
    assert tap("logs", *arguments).exit_code == 2
    assert control.asked == []
