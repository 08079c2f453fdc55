"""Deploys the examples for AWS as their readers would: with our command, or with AWS' own."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from tapwater_server.cli.main import build
from tests.functional.aws.conftest import Client, cli_environment
from tests.functional.running import Platform
from tests.functional.waiting import until

EXAMPLES = Path(__file__).resolve().parents[4] / "examples" / "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a deploy has said."""

    name: str
    outputs: Mapping[str, str]
    urls: Mapping[str, str]
    functions: Mapping[str, str]
    changed: bool
    steps: tuple[Mapping[str, Any], ...]


Deploy = Callable[..., Stack]


@pytest.fixture(scope="session")
def tap(aws: Platform, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Runs our command against the platform."""
    here = {
        "TAPWATER_URL": aws.url,
        "TAPWATER_DATA": str(aws.data),
        "XDG_CONFIG_HOME": str(tmp_path_factory.mktemp("config")),
    }
    # The shell of a developer may lead to AWS itself.
    unset = {name: None for name in os.environ if name.startswith("AWS_")}

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(build(), list(arguments), env={**unset, **here})

    return run


@pytest.fixture(scope="session")
def deployed(tap: Callable[..., Any]) -> Deploy:
    """Deploys a folder with `tapwater deploy`."""

    def deploy(folder: str | Path, *arguments: str) -> Stack:
        done = tap("--json", "deploy", str(EXAMPLES / folder), *arguments)
        assert done.exit_code == 0, done.output
        *steps, last = [json.loads(line) for line in done.stdout.splitlines()]
        said = last["stack"]
        return Stack(
            name=said["name"],
            outputs=said["outputs"],
            urls=said["urls"],
            functions=said["functions"],
            changed=said["changed"],
            steps=tuple(steps),
        )

    return deploy


@pytest.fixture(scope="session")
def scripted(aws: Platform) -> Callable[[str], None]:
    """Runs the deploy.sh of an example, with the AWS CLI before it on the path."""
    import sys

    def run(name: str) -> None:
        environment = cli_environment(aws)
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        done = subprocess.run(
            ["sh", str(EXAMPLES / name / "deploy.sh")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.fixture(scope="session")
def called(client: Client) -> Callable[..., Any]:
    """Calls a function with boto3 and gives what it answered."""
    functions = client("lambda")

    def call(name: str, event: object, **more: Any) -> Any:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event), **more)
        said = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, said
        return said

    return call


@pytest.fixture(scope="session")
def received(client: Client) -> Callable[..., list[str]]:
    """Takes messages out of a queue until there are so many."""
    sqs = client("sqs")

    def receive(url: str, count: int = 1) -> list[str]:
        found: list[str] = []

        def take() -> bool:
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
            for one in got.get("Messages", ()):
                found.append(one["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            return len(found) >= count

        until(take, f"{count} messages in {url}; there are {found}")
        return found

    return receive


def visit(aws: Platform, url: str, method: str = "GET", **more: Any) -> httpx.Response:
    """Ask a URL below our own host: its name goes in a header, as resolvers do not all know it."""
    parts = httpx.URL(url)
    at = aws.http.build_request(
        method,
        httpx.URL(aws.url).copy_with(raw_path=parts.raw_path),
        headers={"host": parts.netloc.decode(), **more.pop("headers", {})},
        **more,
    )
    return aws.http.send(at)
