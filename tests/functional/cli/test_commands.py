"""Each command against a real HTTP server: what it asks, prints and ends with."""

import json
from pathlib import Path

import pytest

from tests.functional.cli.conftest import Run
from tests.functional.cli.control_stand_in import TOKEN, Script, problem


def test_nobody_answers(bare: Run) -> None:
    result = bare("ls", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 3
    assert "No Tapwater answers at http://127.0.0.1:9." in result.stderr
    assert "tapwater up" in result.stderr
    assert result.stdout == ""


def test_a_wrong_token_is_refused_with_what_to_do(control: Script, bare: Run) -> None:
    result = bare("ls", "--url", control.url, "--token", "wrong")
    assert result.exit_code == 4
    assert "tapwater login" in result.stderr


def test_something_else_at_the_address(control: Script, tap: Run) -> None:
    control.answers["GET", "/apps"] = (200, b"<html>a shop</html>")
    result = tap("ls")
    assert result.exit_code == 1
    assert "not as Tapwater does" in result.stderr


def test_errors_are_json_for_scripts(tap: Run) -> None:
    result = tap("ls", "nothere", "--json")
    assert result.exit_code == 5
    assert result.stdout == ""
    assert json.loads(result.stderr)["problem"]["code"] == "not_found"


def test_ls_shows_functions_with_their_urls(tap: Run) -> None:
    result = tap("ls")
    assert result.exit_code == 0
    assert "hello  live: r3  http://127.0.0.1:8080  (on the bare host)" in result.stdout
    assert "GET /hello-api/greet/{name}" in result.stdout
    assert "on schedule(* * * * *)" in result.stdout
    assert "\x1b" not in result.stdout


def test_ls_as_json(tap: Run) -> None:
    result = tap("--json", "ls", "hello")
    assert [each["name"] for each in json.loads(result.stdout)["apps"]] == ["hello"]


def test_ls_shows_every_trigger_of_a_function(control: Script, tap: Run) -> None:
    listens = [
        {"source": "schedule", "arguments": {"cron": "every 1m", "tz": "UTC"}},
        {"source": "user_created", "arguments": {}},
    ]
    functions = [{"name": "a/tick", "trigger": listens[0], "triggers": listens}]
    control.answers["GET", "/apps/hello"] = (
        200,
        {"name": "hello", "aliases": {}, "revision": {"functions": functions}},
    )
    said = tap("ls", "hello").stdout  # A narrow terminal folds the cell.
    assert "on schedule(" in said
    assert "user_created" in said


def test_a_collection_is_no_document_and_a_function_no_schedule(tap: Run) -> None:
    result = tap("docs", "get", "users", "--app", "hello")
    assert result.exit_code == 2
    assert "users is a collection" in result.stderr
    result = tap("schedules", "pause", "a/tick", "--app", "hello")
    assert result.exit_code == 2
    assert "its times are in its file" in result.stderr


def test_what_a_service_has_not_is_told_with_where_to_look(control: Script, tap: Run) -> None:
    nothing = problem(404, "not_found", "there is no document users/7")
    control.answers["GET", "/apps/hello/docs/users/7"] = nothing
    result = tap("docs", "get", "users/7", "--app", "hello")
    assert result.exit_code == 5
    assert "`tapwater docs ls` shows what there is." in result.stderr


def test_a_single_mistake_is_told_once(control: Script, tap: Run) -> None:
    wrong = {"where": "times", "what": "'x' is not a schedule"}
    said = {"detail": wrong["what"], "code": "invalid", "problems": [wrong]}
    control.answers["PUT", "/apps/hello/schedules/a"] = (422, said)
    result = tap("schedules", "set", "a", "x", "--target", "queue:q", "--app", "hello")
    assert result.stderr.count(wrong["what"]) == 1


def test_ls_of_an_empty_server(control: Script, tap: Run) -> None:
    control.answers["GET", "/apps"] = (200, {"apps": []})
    assert "Nothing is deployed yet" in tap("ls").stdout


def test_versions(tap: Run) -> None:
    result = tap("versions")
    assert result.exit_code == 0
    assert "r3" in result.stdout
    assert "live 100 %" in result.stdout
    assert "third" in result.stdout


def test_rollback_to_the_one_before_and_to_a_number(control: Script, tap: Run) -> None:
    assert tap("rollback").exit_code == 0
    assert control.last("POST").json == {}
    result = tap("rollback", "r2", "--app", "hello")
    assert control.last("POST").json == {"to": 2}
    assert "live: r2" in result.stdout
    assert tap("rollback", "two").exit_code == 2


def test_split(control: Script, tap: Run) -> None:
    result = tap("split", "live=90", "r2=10")
    assert result.exit_code == 0
    assert control.last("PUT").json == {"weights": {"live": 90, "2": 10}}
    assert "90 % → r3, 10 % → r2" in result.stdout


def test_split_that_is_not_whole_asks_nobody(control: Script, tap: Run) -> None:
    result = tap("split", "live=90", "canary=20")
    assert result.exit_code == 2
    assert "110 %" in result.stderr
    assert control.asked == []


def test_rm_asks_before_it_acts(control: Script, tap: Run) -> None:
    result = tap("rm", "hello")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert control.asked == []
    assert tap("rm", "hello", "--yes").exit_code == 0
    assert control.last("DELETE").path == "/apps/hello"


def test_secrets_come_from_stdin_or_a_file(control: Script, tap: Run, tmp_path: Path) -> None:
    assert tap("secrets", "set", "STRIPE_KEY", "-", input="s3cret\n").exit_code == 0
    assert control.last("PUT").json == {"value": "s3cret"}
    file = tmp_path / "key"
    file.write_text("two\nlines\n")
    assert tap("secrets", "set", "STRIPE_KEY", "--from-file", str(file)).exit_code == 0
    assert control.last("PUT").json == {"value": "two\nlines"}


@pytest.mark.parametrize("arguments", [["KEY=v"], ["KEY", "v"]])
def test_secrets_never_come_from_the_command_line(
    control: Script, tap: Run, arguments: list[str]
) -> None:
    result = tap("secrets", "set", *arguments)
    assert result.exit_code == 2
    assert "history" in result.stderr
    assert control.asked == []


def test_an_empty_secret_is_refused(control: Script, tap: Run) -> None:
    assert tap("secrets", "set", "KEY", "-", input="\n").exit_code == 2
    assert control.asked == []


def test_secrets_ls_and_rm(control: Script, tap: Run) -> None:
    assert tap("secrets", "ls").stdout == "STRIPE_KEY\n"
    assert tap("secrets", "rm", "STRIPE_KEY").exit_code == 0
    assert control.last("DELETE").path == "/apps/hello/secrets/STRIPE_KEY"


def test_tokens(control: Script, tap: Run) -> None:
    result = tap("tokens", "create", "ci", "--app", "hello")
    assert result.stdout == "fresh-token\n"
    assert control.last("POST").json == {"name": "ci", "admin": False, "apps": ["hello"]}
    assert "ci" in tap("tokens", "ls").stdout
    assert tap("tokens", "rm", "ci").exit_code == 0
    assert tap("tokens", "create", "ci").exit_code == 2


def test_login_keeps_a_token_that_works(control: Script, bare: Run, home: Path) -> None:
    result = bare("login", control.url, input=f"{TOKEN}\n")
    assert result.exit_code == 0, result.stderr
    file = home / "config" / "tapwater" / "logins.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert bare("ls", "--url", control.url).exit_code == 0


def test_login_keeps_no_token_that_does_not(control: Script, bare: Run, home: Path) -> None:
    assert bare("login", control.url, input="wrong\n").exit_code == 4
    assert not (home / "config" / "tapwater" / "logins.json").exists()


def test_the_token_of_the_data_directory(control: Script, bare: Run, home: Path) -> None:
    data = home / "somewhere"
    data.mkdir()
    (data / "admin-token").write_text(f"{TOKEN}\n")
    (data / "admin-token").chmod(0o600)
    result = bare("ls", "--url", control.url, "--data", str(data))
    assert (result.exit_code, result.stderr) == (0, "")
    (data / "admin-token").chmod(0o644)
    assert "chmod 600" in bare("--data", str(data), "ls", "--url", control.url).stderr


def test_options_after_the_command_win(control: Script, bare: Run) -> None:
    result = bare(
        "--url",
        "http://127.0.0.1:9",
        "--token",
        "wrong",
        "ls",
        "--url",
        control.url,
        "--token",
        TOKEN,
    )
    assert result.exit_code == 0


def test_usage_is_told_from_failure(bare: Run) -> None:
    assert bare("nonsense").exit_code == 2
    assert bare("split").exit_code == 2
    assert bare("ls", "--url", "ftp://x").exit_code == 2


def test_conflict_is_a_failure_with_advice(control: Script, tap: Run) -> None:
    control.answers["POST", "/apps/hello/rollback"] = problem(
        409, "conflict", "there is no revision before r1"
    )
    result = tap("rollback")
    assert result.exit_code == 1
    assert "there is no revision before r1" in result.stderr
    assert "tapwater versions" in result.stderr


def test_a_message_nobody_takes_is_told_with_what_to_do(control: Script, tap: Run) -> None:
    sent = {"messages": [{"id": "m1", "duplicate": False}]}
    control.answers["POST", "/apps/hello/queues/jobs/messages"] = (201, sent)
    said = tap("queue", "send", "jobs", '{"a": 1}', "--app", "hello")
    assert '@on.message("jobs")' in said.stderr
    taken = {"functions": [{"triggers": [{"source": "message", "arguments": {"queue": "jobs"}}]}]}
    control.answers["GET", "/apps/hello"] = (200, {"name": "hello", "revision": taken})
    assert tap("queue", "send", "jobs", "7", "--app", "hello").stderr == ""


def test_what_is_missing_at_the_node_is_told_with_where_to_look(control: Script, tap: Run) -> None:
    control.answers["GET", "/budgets/b"] = problem(404, "not_found", "there is no budget 'b'")
    result = tap("budgets", "show", "b")
    assert result.exit_code == 5
    assert "`tapwater budgets ls` shows what there is." in result.stderr
