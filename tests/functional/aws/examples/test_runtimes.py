"""Examples in other languages, created by their deploy.sh with the AWS CLI."""

import hashlib
import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.aws.conftest import Client
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow
Scripted = Callable[[str], None]
Called = Callable[..., Any]


def test_a_runtime_in_bash(
    scripted: Scripted, called: Called, client: Client, cannot_test: CannotTest
) -> None:
    for tool in ("bash", "curl", "zip"):
        if shutil.which(tool) is None:
            cannot_test(f"{tool} is not on this machine")
    scripted("bash-runtime")
    answer = called("bash-runtime", {"a": 1})
    assert answer["bytes"] == len('{"a": 1}')
    failed = client("lambda").invoke(FunctionName="bash-runtime", Payload=b'{"x": "fail"}')
    assert failed["FunctionError"]
    assert json.loads(failed["Payload"].read())["errorType"] == "Failed"


def test_a_handler_in_node(
    scripted: Scripted, called: Called, client: Client, cannot_test: CannotTest
) -> None:
    for tool in ("node", "zip"):
        if shutil.which(tool) is None:
            cannot_test(f"{tool} is not on this machine")
    scripted("node-handler")
    text = "to be or not to be"
    first = called("node-handler", {"text": text}, Qualifier="prod")
    assert (first["words"], first["longest"]) == (6, "not")
    assert first["digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert called("node-handler", {"text": "x"}, Qualifier="prod")["calls"] == 2
    failed = client("lambda").invoke(FunctionName="node-handler", Payload=b"{}")
    said = json.loads(failed["Payload"].read())
    assert (said["errorType"], said["errorMessage"]) == ("TypeError", "text is missing")


def test_a_binary_without_a_container(
    scripted: Scripted, called: Called, cannot_test: CannotTest
) -> None:
    for tool in ("cc", "zip"):
        if shutil.which(tool) is None:
            cannot_test(f"{tool} is not on this machine")
    scripted("c-bootstrap")
    sent = json.dumps({"a": 1})
    for _ in range(3):
        answer = called("c-bootstrap", {"a": 1})
        assert answer == {"language": "C", "bytes": len(sent), "sum": sum(sent.encode())}
