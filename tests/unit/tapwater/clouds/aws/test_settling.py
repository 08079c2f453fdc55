"""Where a function finds what it looks for: variables, folders, what is started."""

from pathlib import Path

import pytest

from tapwater.clouds.aws.api import running
from tapwater.clouds.aws.environment import RESERVED, python_folders, variables
from tapwater.clouds.aws.faults import Fault

PYTHON = {"runtime": "python3.12", "handler": "app.handler", "name": "f"}


def test_what_the_user_says_goes_before_what_is_usual_and_after_what_is_fixed() -> None:
    given = {"TZ": "Europe/Berlin", "PATH": "/mine", "AWS_REGION": "nowhere", "_HANDLER": "x"}
    made = variables(PYTHON, given, home="/tmp")
    assert (made["TZ"], made["PATH"]) == ("Europe/Berlin", "/mine")
    assert (made["AWS_REGION"], made["_HANDLER"]) == ("us-east-1", "app.handler")


def test_nothing_reserved_is_missing_but_what_each_call_or_image_brings() -> None:
    made = variables(PYTHON, {}, home="/tmp")
    assert RESERVED - set(made) == {
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
    }


@pytest.mark.parametrize(
    ("runtime", "name", "value"),
    [
        ("nodejs22.x", "NODE_PATH", "/opt/nodejs/node22/node_modules:/opt/nodejs/node_modules"),
        ("nodejs22.x", "AWS_EXECUTION_ENV", "AWS_Lambda_nodejs22.x"),
        ("python3.12", "PYTHONPATH", "/var/runtime"),
        ("python3.12", "AWS_LAMBDA_LOG_FORMAT", "Text"),
    ],
)
def test_what_a_runtime_brings(runtime: str, name: str, value: str) -> None:
    assert variables({"runtime": runtime}, {}, home="/tmp")[name].startswith(value)


def test_a_runtime_of_ones_own_is_not_named() -> None:
    assert "AWS_EXECUTION_ENV" not in variables({"runtime": "provided.al2023"}, {}, home="/tmp")


def test_folders_of_a_layer() -> None:
    assert python_folders((3, 12), task="/var/task", layer="/opt") == [
        "/var/task",
        "/opt/python/lib/python3.12/site-packages",
        "/opt/python",
    ]


def test_a_bootstrap_of_the_code_goes_before_that_of_a_layer(tmp_path: Path) -> None:
    task, layer = tmp_path / "task", tmp_path / "layer"
    told = {"runtime": "provided"}
    with pytest.raises(Fault, match="Couldn't find valid bootstrap"):
        running.command(told, {}, task=str(task), layer=str(layer))
    for folder in (layer, task):
        folder.mkdir()
        (folder / "bootstrap").touch()
        found = running.command(told, {}, task=str(task), layer=str(layer))
        assert found == [str(folder / "bootstrap")]


def test_a_wrapper_is_given_what_it_starts() -> None:
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}
    made = running.command(PYTHON, wrapper, task="/var/task", layer="")
    assert made[0] == "/opt/wrapper"
    assert made[2:] == ["-m", "tapwater.clouds.aws.bootstrap"]
    assert running.wrapped(wrapper)
    assert not running.wrapped({})


def test_extensions_are_files_in_order_and_few(tmp_path: Path) -> None:
    assert running.extensions("") == running.extensions(str(tmp_path)) == []
    folder = tmp_path / "extensions"
    (folder / "folder").mkdir(parents=True)
    for name in ("b", "a"):
        (folder / name).touch()
    assert running.extensions(str(tmp_path)) == [str(folder / "a"), str(folder / "b")]
    for number in range(10):
        (folder / str(number)).touch()
    with pytest.raises(Fault, match="12 extensions; the most is 10"):
        running.extensions(str(tmp_path))
