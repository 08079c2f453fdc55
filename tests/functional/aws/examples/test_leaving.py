"""An export is what AWS' own tools accept, and what is not in it is said."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tapwater_server.cli.main import build
from tests.functional.aws.examples.bookshop import FILES

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
HERE = os.environ | {"AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bookshop as a SAM project."""
    top = tmp_path_factory.mktemp("leaving")
    for name, text in FILES.items():
        (top / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (top / "app" / name).write_text(text)
    done = CliRunner().invoke(build(), ["export", "aws", str(top / "app"), "-o", str(top / "out")])
    assert done.exit_code == 0, done.output
    assert "forget: @on.document_deleted" in done.output
    return top / "out"


def checked(folders: list[Path]) -> None:
    """Ask cfn-lint and the SAM translator, both for all of them: they take long to start."""
    templates = [str(folder / "template.yaml") for folder in folders]
    run(str(Path(sys.executable).with_name("cfn-lint")), *templates)
    said = run(sys.executable, "-W", "ignore", "-c", _TRANSLATE, *templates)
    for resources in map(json.loads, said.splitlines()):
        types = {one["Type"] for one in resources.values()}
        assert "AWS::Lambda::Function" in types
        assert not [one for one in types if one.startswith("AWS::Serverless::")]


def run(*command: str) -> str:
    """Run a program, which must end well."""
    done = subprocess.run(command, capture_output=True, text=True, env=HERE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# In a process of its own: it brings a registry of types and warnings of its own along.
_TRANSLATE = """
import json, sys, yaml
from samtranslator.translator.transform import transform
class Policies:
    def load(self): return {}
for name in sys.argv[1:]:
    template = yaml.safe_load(open(name))
    for one in template["Resources"].values():  # sam deploy has uploaded it by then
        if one["Type"] == "AWS::Serverless::Function":
            one["Properties"]["CodeUri"] = "s3://bucket/key"
    print(json.dumps(transform(template, {}, Policies())["Resources"]))
"""


@pytest.mark.slow
def test_exports_are_accepted_by_the_tools_of_aws(exported: Path, tmp_path: Path) -> None:
    folders = [exported]
    for name in ("thumbnails", "shop"):
        folders.append(tmp_path / name)
        command = ["export", "aws", str(EXAMPLES / name), "-o", str(folders[-1])]
        done = CliRunner().invoke(build(), command)
        assert done.exit_code == 0, done.output
    checked(folders)


def test_the_report_says_first_what_is_missing(exported: Path) -> None:
    report = (exported / "README.md").read_text()
    missing = report.partition("## What is here")[0]
    assert "docs (used in books/reactive/forget.py" in missing
    assert "books/forget: nothing is left that would call it" in missing
    assert "| `books/receipt` | by events |" in report


def test_the_handlers_answer_lambdas_events(exported: Path) -> None:
    """As Lambda calls them, in a process that has nothing of ours but what was exported."""
    event = {
        "rawPath": "/books-api/book/7",
        "rawQueryString": "lang=it",
        "pathParameters": {"id": "7"},
        "headers": {"accept": "*/*"},
        "requestContext": {"http": {"method": "GET", "sourceIp": "1.2.3.4"}, "stage": "$default"},
        "isBase64Encoded": False,
    }
    answer = called(exported, "books_book_id", event)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"id": 7, "lang": "it", "mode": "trial"}
    broken = called(exported, "books_book_id", {**event, "pathParameters": {"id": "500"}})
    assert broken["statusCode"] == 500
    assert json.loads(broken["body"])["code"] == "user_error"
    assert "the shelf" not in broken["body"]


def called(exported: Path, module: str, event: dict[str, Any]) -> dict[str, Any]:
    """Call one handler in a process of its own."""
    program = (
        "import json, sys\n"
        "from types import SimpleNamespace\n"
        f"from handlers.{module} import handler\n"
        "context = SimpleNamespace(aws_request_id='1', "
        "get_remaining_time_in_millis=lambda: 3000)\n"
        "print('\\n' + json.dumps(handler(json.load(sys.stdin), context)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.')\n{program}"],
        cwd=exported / "app",
        env={"MODE": "trial", "PATH": os.environ["PATH"]},
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    command = ["export", "aws", str(EXAMPLES / "thumbnails"), "-o", str(tmp_path)]
    done = CliRunner().invoke(build(), command)
    assert done.exit_code == 2
    assert "is not empty" in done.output
