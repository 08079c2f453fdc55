"""What a person reads when a project cannot be deployed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tapwater_server.cli.main import build
from tests.functional.aws.conftest import Client
from tests.functional.aws.examples.conftest import Deploy
from tests.functional.cli.control_stand_in import TOKEN, Script, serving, usual
from tests.functional.running import Platform

pytestmark = pytest.mark.slow
Tap = Callable[..., Any]

FUNCTION = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Answer: {Type: String, Default: one}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.11
      CodeUri: src/
      Environment: {Variables: {ANSWER: !Ref Answer}}
"""
STRANGERS = """\
  T:
    Type: AWS::DynamoDB::Table
  S:
    Type: AWS::StepFunctions::StateMachine
"""
REFUSED = """\
  R:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: nobody
      Action: lambda:InvokeFunction
      Principal: s3.amazonaws.com
"""
CODE = "import os\n\ndef handler(event, context):\n    return os.environ['ANSWER'] + '1'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small project."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(CODE)
    (tmp_path / "template.yaml").write_text(FUNCTION)
    return tmp_path


def test_what_is_not_there_is_listed_and_nothing_is_done(
    tap: Tap, folder: Path, client: Client
) -> None:
    more = (
        "  T:\n    Type: AWS::DynamoDB::Table\n  S:\n    Type: AWS::StepFunctions::StateMachine\n"
    )
    (folder / "template.yaml").write_text(FUNCTION.replace("src/", "gone/") + more)
    done = tap("deploy", str(folder), "--name", "refused")
    assert done.exit_code == 1
    assert "template.yaml:11: F: there is no folder or file 'gone'" in done.output
    assert "template.yaml:13: T: there is no AWS::DynamoDB::Table here" in done.output
    assert "template.yaml:15: S: there is no AWS::StepFunctions::StateMachine" in done.output
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    assert "refused" not in {one["StackName"] for one in stacks}
    done = tap("--json", "deploy", str(folder))
    problem = json.loads(done.stderr.splitlines()[-1])["problem"]
    assert (problem["code"], len(problem["problems"])) == ("not_supported", 3)


def test_broken_yaml_names_its_line(tap: Tap, folder: Path) -> None:
    (folder / "template.yaml").write_text(FUNCTION + "  G: [\n")
    done = tap("deploy", str(folder))
    assert done.exit_code == 1
    assert "template.yaml:14: " in done.output


def test_a_folder_that_is_no_project(tap: Tap, tmp_path: Path) -> None:
    done = tap("deploy", str(tmp_path))
    assert done.exit_code == 1
    assert "holds no file that could be deployed" in done.output


def test_options_that_would_do_nothing_are_refused(tap: Tap, folder: Path, tmp_path: Path) -> None:
    done = tap("deploy", str(folder), "--alias", "canary")
    assert (done.exit_code, "for an app of ours" in done.output) == (2, True)
    (tmp_path / "hello.py").write_text("def get():\n    return 1\n")
    done = tap("deploy", str(tmp_path / "hello.py"), "--stage", "prod")
    assert (done.exit_code, "for a project for AWS" in done.output) == (2, True)


def test_a_deploy_that_fails_is_undone(
    tap: Tap, folder: Path, deployed: Deploy, called: Callable[..., Any]
) -> None:
    first = deployed(folder, "--name", "undone")
    (name,) = first.functions.values()
    (folder / "src" / "app.py").write_text("raise RuntimeError('not like this')\n")
    (folder / "template.yaml").write_text(FUNCTION + REFUSED)
    done = tap("deploy", str(folder), "--name", "undone")
    assert done.exit_code == 1
    assert "undone: update rollback complete" in done.output
    assert called(name, {}) == "one1"


def test_a_change_of_code_or_of_a_parameter_is_live(
    folder: Path, deployed: Deploy, called: Callable[..., Any], tap: Tap, client: Client
) -> None:
    (name,) = deployed(folder, "--name", "changing").functions.values()
    assert called(name, {}) == "one1"
    (folder / "src" / "app.py").write_text(CODE.replace("'1'", "'2'"))
    assert deployed(folder, "--name", "changing", "--parameter", "Answer=two").changed
    assert called(name, {}) == "two2"
    kept = client("s3").list_objects_v2(Bucket="tapwater-deploys", Prefix="changing/")
    assert kept["KeyCount"] == 1  # What the stack no longer names is gone.
    assert "changing" in tap("aws", "stacks").output
    assert tap("aws", "rm", "changing").exit_code == 2  # Nobody is there to ask.
    assert tap("aws", "rm", "changing", "--yes").exit_code == 0
    assert "changing" not in tap("aws", "stacks").output


def test_a_server_without_amazons_interfaces(folder: Path, aws: Platform) -> None:
    with serving(Script(answers=usual())) as script:
        arguments = ["--url", script.url, "--token", TOKEN, "deploy", str(folder)]
        done = CliRunner().invoke(build(), arguments, env={"AWS_ENDPOINT_URL": None})
    assert done.exit_code == 5
    assert "does not serve AWS' interfaces" in done.output
