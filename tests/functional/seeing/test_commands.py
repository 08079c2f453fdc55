"""`tapwater stats`, `trace`, `errors`, `alerts` and the filters of `logs`, on a real platform."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from tapwater_server.cli.main import build
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
APP = {
    "orders/restful/buy.py": (
        "import logging\n\n"
        "log = logging.getLogger(__name__)\n\n\n"
        "def post(item: str):\n"
        "    log.info('an order', extra={'item': item})\n"
        "    if item == 'boom':\n"
        "        raise ValueError('no \\x1b[2J[red]boom[/red]')\n"
        "    return item\n"
    ),
}
Tap = Callable[..., str]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform on which things went well three times, and twice not."""
    with Platform(tmp_path_factory.mktemp("commands") / "data") as running:
        running.deploy(APP, "shop")
        for item in ("tea", "tea", "milk", "boom", "boom"):
            running.http.post(f"{running.url}/orders-api/buy", params={"item": item})
        until(lambda: _counts(running) == [2], "a group of two errors")
        yield running


def _counts(running: Platform) -> list[int]:
    return [one["count"] for one in running.api("GET", "/faults").json()["faults"]]


@pytest.fixture
def tap(shop: Platform) -> Tap:
    """Run a command against it; give what it printed."""

    def run(*arguments: str, exit: int = 0) -> str:
        where = ("--url", shop.url, "--token", shop.token)
        wide = {"COLUMNS": "140"}  # Narrower tables leave columns out.
        result = CliRunner().invoke(build(), [*where, *arguments], prog_name="tapwater", env=wide)
        assert result.exit_code == exit, result.output
        return result.output

    return run


def read(tap: Tap, *arguments: str) -> Any:
    return json.loads(tap(*arguments, "--json"))


def test_stats_show_how_calls_went(tap: Tap) -> None:
    printed = tap("stats")
    row = next(line for line in printed.splitlines() if line.startswith("orders/buy"))
    assert row.split()[1] == "5"
    assert "█" in row
    assert "40 %" in row
    answer = read(tap, "stats", "orders/buy", "--by", "route", "--since", "1d")
    assert [one["key"] for one in answer["points"]] == [["/orders-api/buy"]]
    assert sum(one["calls"] for one in answer["steps"]) == 5
    assert "No calls" in tap("stats", "orders/nothing")
    assert read(tap, "stats", "--all-apps")["by"] == ["app", "function"]
    assert "--by is one of" in tap("stats", "--by", "user", exit=2)
    assert "no time" in tap("stats", "--since", "soon", exit=2)


def test_trace_lists_and_draws(tap: Tap) -> None:
    roots = read(tap, "trace", "-n", "5")["traces"]
    assert len(roots) == 5
    failed = next(one for one in roots if one["errors"])
    assert failed["trace"] in tap("trace")
    for id in (failed["trace"], failed["invocation"]):
        printed = tap("trace", id)
        assert "POST /orders-api/buy" in printed
        assert "█" in printed
        assert "raise ValueError" in printed
        assert "\x1b[2J" not in printed
        assert "[red]boom[/red]" in printed
    assert read(tap, "trace", failed["trace"])["trace"] == failed["trace"]
    tap("trace", "f" * 32, exit=5)
    tap("trace", "nothing", exit=5)


def test_logs_are_narrowed(tap: Tap) -> None:
    said = tap("logs", "--field", "item=milk")
    assert said.count("an order") == 1
    assert "item=milk" in said
    (trace, *_) = read(tap, "trace")["traces"]
    assert tap("logs", "--trace", trace["trace"]).count("an order") == 1
    assert "no field" in tap("logs", "--field", "item", exit=2)


def test_errors_are_listed_shown_resolved_and_muted(tap: Tap) -> None:
    (fault,) = read(tap, "errors", "--state", "all")["faults"]
    id = fault["id"]
    listed = tap("errors")
    assert id in listed
    assert "[red]boom[/red]" in listed
    shown = tap("errors", id)
    assert "Traceback" in shown
    assert "orders/restful/buy.py:post" in shown
    assert f"tapwater trace {fault['samples'][0]}" in shown
    assert "\x1b[2J" not in listed + shown
    assert "resolved" in tap("errors", id, "--resolve")
    assert "No open errors" in tap("errors")
    assert "there is no app" in tap("errors", "--app", "tea-shop", exit=5)
    assert id in tap("errors", "--state", "resolved")
    assert read(tap, "errors", id, "--mute")["state"] == "muted"
    assert read(tap, "errors", id, "--reopen")["state"] == "open"
    assert "not several" in tap("errors", id, "--mute", "--reopen", exit=2)
    assert "say which" in tap("errors", "--mute", exit=2)
    tap("errors", "0" * 16, exit=5)


def test_alerts_are_set_listed_and_removed(tap: Tap) -> None:
    said = ("fails", "error_rate", "--above", "5", "--mail", "ops@example.com")
    assert "fails: error_rate > 5 % in 5 min" in tap("alerts", "set", *said, "--calls", "1")
    hook = ("--webhook", "https://ops.example/hook", "--node")
    assert "signed with this secret" in tap("alerts", "set", "news", "new_error", *hook)
    listed = tap("alerts", "ls")
    assert "ops@example.com" in listed
    assert "news" not in listed
    assert "the node" in tap("alerts", "ls", "--node")
    assert "fails is removed" in tap("alerts", "rm", "fails")
    tap("alerts", "rm", "fails", exit=5)
    assert read(tap, "alerts", "rm", "news", "--node") == {"removed": "news"}
    tap("alerts", "set", "x", "no_such_kind", exit=2)
    assert "Say --above" in tap("alerts", "set", "x", "latency", exit=2)
