"""Functions for the tests of Lambda: made of a few lines, called, removed again."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

ROLE = "arn:aws:iam::000000000000:role/lambda"
ECHO = "def handler(event, context):\n    return event\n"


class Answer(NamedTuple):
    """How a function answered."""

    value: Any
    error: str | None
    version: str | None


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """Make a zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def code(source: str) -> dict[str, bytes]:
    """Make what CreateFunction wants of one module."""
    return {"ZipFile": zipped({"app.py": source})}


class Functions:
    """Makes functions and calls them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.made: list[str] = []

    def create(self, name: str, source: str = ECHO, **options: Any) -> Any:
        wanted: dict[str, Any] = {
            "FunctionName": name,
            "Runtime": "python3.11",
            "Role": ROLE,
            "Handler": "app.handler",
            "Code": code(source),
            **options,
        }
        made = self.client.create_function(**wanted)
        self.made.append(name)
        return made

    def call(self, name: str, event: Any = None, **options: Any) -> Answer:
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event), **options)
        payload = answer["Payload"].read()
        value = json.loads(payload) if payload else None
        return Answer(value, answer.get("FunctionError"), answer.get("ExecutedVersion"))

    def remove_all(self) -> None:
        for name in self.made:
            try:
                self.client.delete_function(FunctionName=name)
            except self.client.exceptions.ResourceNotFoundException:
                continue


@pytest.fixture(scope="module")
def functions(client: Callable[..., Any]) -> Iterator[Functions]:
    """Functions on the platform that all tests with AWS's clients share."""
    made = Functions(client("lambda"))
    yield made
    made.remove_all()
