"""`tapwater deploy` against a real HTTP server: what is sent, and how it is shown."""

import json
from pathlib import Path

import pytest

from tests.functional.cli.conftest import Run
from tests.functional.cli.control_stand_in import REVISION, Script

STEPS = [
    {"step": "unpack", "state": "begin", "detail": ""},
    {"step": "unpack", "state": "done", "detail": "3 files", "ms": 1.5},
    {"step": "dependencies", "state": "note", "detail": "no lock file"},
]
REFUSED = {
    "problem": {
        "code": "deploy_failed",
        "detail": "1 function cannot be imported",
        "problems": [
            {
                "where": "hello/restful/greet.py:2",
                "what": "NameError: name 'nam' is not defined\nTraceback:\n  nam",
            }
        ],
    }
}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "My App"
    (folder / "hello" / "restful").mkdir(parents=True)
    (folder / "hello" / "restful" / "greet.py").write_text("def get(name: str):\n    return nam\n")
    (folder / ".env").write_text("PASSWORD=1")
    return folder


def test_a_folder_is_sent_and_shown(control: Script, tap: Run, app: Path) -> None:
    control.deploy = [*STEPS, {"revision": REVISION}]
    result = tap("deploy", str(app), "--note", "first", "--alias", "canary", "--no-traffic")
    assert result.exit_code == 0, result.stderr
    asked = control.last("POST")
    assert asked.path == "/apps/my-app/deploys"
    assert asked.query == {"alias": "canary", "traffic": "false", "note": "first"}
    assert sorted(asked.files()) == ["hello/restful/greet.py"]
    assert "✓ unpack  3 files  1.5 ms" in result.stdout
    assert "my-app r3 is deployed, without traffic." in result.stdout
    assert "http://127.0.0.1:8080/hello-api/greet/{name}" in result.stdout
    assert "http://r3--hello.localhost:8080" in result.stdout
    assert ".env" in result.stderr


def test_deploy_to_another_server(control: Script, tap: Run, app: Path) -> None:
    control.deploy = [{"revision": REVISION}]
    assert (
        tap("deploy", str(app), "--url", "http://127.0.0.1:9", "--to", control.url).exit_code == 0
    )


def test_a_refusal_shows_the_line(control: Script, tap: Run, app: Path) -> None:
    control.deploy = [*STEPS, REFUSED]
    result = tap("deploy", str(app))
    assert result.exit_code == 1
    assert "error: 1 function cannot be imported" in result.stderr
    assert "hello/restful/greet.py:2  NameError: name 'nam' is not defined" in result.stderr
    assert ">    2 │     return nam" in result.stderr
    assert "Nothing has changed" in result.stderr


def test_progress_as_json_lines(control: Script, tap: Run, app: Path) -> None:
    control.deploy = [*STEPS, {"revision": REVISION}]
    result = tap("--json", "deploy", str(app))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[:3] == STEPS
    assert lines[3]["revision"]["number"] == 3


def test_a_refusal_as_json(control: Script, tap: Run, app: Path) -> None:
    control.deploy = [REFUSED]
    result = tap("--json", "deploy", str(app))
    assert result.exit_code == 1
    problem = json.loads(result.stderr.splitlines()[-1])["problem"]
    assert problem["problems"][0]["where"] == "hello/restful/greet.py:2"


def test_a_deploy_that_breaks_off_is_not_taken_for_done(
    control: Script, tap: Run, app: Path
) -> None:
    control.deploy = STEPS
    result = tap("deploy", str(app))
    assert result.exit_code == 1
    assert "broke off" in result.stderr


def test_one_file_is_an_app(control: Script, tap: Run, tmp_path: Path) -> None:
    control.deploy = [{"revision": REVISION}]
    file = tmp_path / "hello_world.py"
    file.write_text('# /// script\n# dependencies = ["rich"]\n# ///\ndef get(): ...\n')
    assert tap("deploy", str(file)).exit_code == 0
    asked = control.last("POST")
    assert asked.path == "/apps/hello-world/deploys"
    assert asked.files()["requirements.txt"] == b"rich\n"
    assert sorted(asked.files()) == ["hello_world.py", "requirements.txt"]


def test_what_is_not_there_asks_nobody(control: Script, tap: Run, tmp_path: Path) -> None:
    assert tap("deploy", str(tmp_path / "nothing")).exit_code == 2
    (tmp_path / "notes.txt").write_text("x")
    assert tap("deploy", str(tmp_path / "notes.txt")).exit_code == 2
    (tmp_path / "empty").mkdir()
    assert tap("deploy", str(tmp_path / "empty")).exit_code == 1
    assert control.asked == []


def test_a_broken_manifest_names_its_line(tap: Run, app: Path) -> None:
    (app / "tapwater.toml").write_text('name = "x"\nmemory = = 1\n')
    result = tap("deploy", str(app))
    assert result.exit_code == 1
    assert "tapwater.toml:2" in result.stderr
