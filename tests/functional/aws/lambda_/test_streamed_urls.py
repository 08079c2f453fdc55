"""Answers that come piece by piece through a function URL: from a bootstrap of a few lines."""

import io
import shutil
import zipfile
from collections.abc import Callable

import httpx
import pytest

from tests.functional.aws.lambda_.conftest import Functions
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

# Streams as a runtime client does: the head, eight zero bytes, then the pieces.
BOOTSTRAP = """#!/usr/bin/env python3
import http.client, json, os
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    wire = http.client.HTTPConnection(api)
    wire.request("GET", "/2018-06-01/runtime/invocation/next")
    asked = wire.getresponse()
    id, event = asked.getheader("Lambda-Runtime-Aws-Request-Id"), json.loads(asked.read())
    head = json.dumps({"statusCode": 202, "headers": {"x-a": "b"}, "cookies": ["c=1"]}).encode()
    pieces = [head + bytes(8), b"one", b"two"]
    wire.request(
        "POST", f"/2018-06-01/runtime/invocation/{id}/response", body=iter(pieces),
        headers={
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Content-Type": "application/vnd.awslambda.http-integration-response",
        },
        encode_chunked=True,
    )
    wire.getresponse().read()
"""


@pytest.fixture
def url(functions: Functions, cannot_test: CannotTest) -> Callable[[str], str]:
    if shutil.which("python3") is None:
        cannot_test("there is no python3 on the PATH for a bootstrap")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o100755 << 16
        archive.writestr(info, BOOTSTRAP)

    def make(mode: str) -> str:
        name = f"streams-{mode.lower().replace('_', '-')}"
        functions.create(name, Runtime="provided.al2023", Code={"ZipFile": out.getvalue()})
        functions.client.add_permission(
            FunctionName=name,
            StatementId="all",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType="NONE",
        )
        made = functions.client.create_function_url_config(
            FunctionName=name, AuthType="NONE", InvokeMode=mode
        )
        return str(made["FunctionUrl"])

    return make


@pytest.mark.parametrize("mode", ["RESPONSE_STREAM", "BUFFERED"])
def test_the_head_is_read_and_the_rest_passes_on(url: Callable[[str], str], mode: str) -> None:
    with httpx.stream("GET", url(mode)) as answer:
        body = answer.read()
    assert (answer.status_code, answer.headers["x-a"], body) == (202, "b", b"onetwo")
    assert answer.cookies["c"] == "1"
    chunked = answer.headers.get("transfer-encoding") == "chunked"
    assert chunked is (mode == "RESPONSE_STREAM")
