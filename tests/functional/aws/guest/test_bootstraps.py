"""Runtimes that are processes of their own and speak the Runtime API, in the real sandbox."""

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.backends.linux.layers import Probe
from tapwater_server.ports.sandbox import Sandbox
from tests.functional.aws.guest.lambda_kit import REQUEST, foreign, instance, opened
from tests.sandbox_kit import linux_sandbox

LACKING = Probe(
    namespaces={"mount": "not permitted"},
    user="",
    nested="not permitted",
    seccomp="",
    no_new_privs="",
    landlock=0,
)
TOLD = foreign("provided.al2023", "any")
PYTHON = os.path.realpath(sys.executable)  # The sandbox shows no virtual environment.
API = """#!/usr/bin/env -S python3 -S
import http.client, json, os, sys, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
RUNTIME = "/2018-06-01/runtime"
def ask(method, path, body=None, headers={}, chunks=False):
    api.request(method, path, body, headers, encode_chunked=chunks)
    answer = api.getresponse()
    return answer.status, answer.headers, answer.read()
def following():
    _, headers, body = ask("GET", RUNTIME + "/invocation/next")
    return headers["Lambda-Runtime-Aws-Request-Id"], json.loads(body), headers
def respond(id, body, **more):
    return ask("POST", f"{RUNTIME}/invocation/{id}/response", body, **more)
"""
ECHO = """
while True:
    id, event, headers = following()
    print("working on", event, flush=True)
    respond(id, json.dumps({"got": event, "said": dict(headers)}))
"""


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with linux_sandbox(tmp_path) as made:
        yield made


async def call_all(
    sandbox: Sandbox, folder: Path, code: str, *events: Any, **more: Any
) -> list[Any]:
    """Call one instance of a bootstrap with events, one after the other."""
    files = {"bootstrap": API + code}
    said = []
    async with opened(sandbox, folder, files, TOLD, **more) as zygote, instance(zygote) as talk:
        for event in events:
            said.append(await talk.invoke(event, timeout_s=20, trace="Root=1-5;Sampled=0"))
    return said


async def test_a_bootstrap_answers_call_after_call(sandbox: Sandbox, tmp_path: Path) -> None:
    for number, said in enumerate(await call_all(sandbox, tmp_path, ECHO, {"n": 0}, {"n": 1})):
        assert (said.status, said.value["got"]) == (200, {"n": number})
        head = said.value["said"]
        assert head["Lambda-Runtime-Trace-Id"] == "Root=1-5;Sampled=0"
        assert int(head["Lambda-Runtime-Deadline-Ms"]) > 1_700_000_000_000
        start, line, end, report = said.logs
        assert start == f"START RequestId: {REQUEST} Version: 7"
        assert line == f"working on {{'n': {number}}}"
        assert end == f"END RequestId: {REQUEST}"
        assert report.startswith(f"REPORT RequestId: {REQUEST}\tDuration: ")
        assert ("Init Duration" in report) is (number == 0)


async def test_an_error_is_told_as_it_came(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
while True:
    id, event, _ = following()
    told = {"errorMessage": "no", "errorType": "Mine.Own", "stackTrace": ["a"]}
    ask("POST", f"{RUNTIME}/invocation/{id}/error", json.dumps(told))
"""
    [said] = await call_all(sandbox, tmp_path, code, 1)
    assert said.status == 500
    assert said.headers["lambda-function-error"] == "Unhandled"
    assert said.value == {"errorMessage": "no", "errorType": "Mine.Own", "stackTrace": ["a"]}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("following(); sys.exit(3)", "exit status 3"),
        ("following(); os.kill(os.getpid(), 9)", "signal: killed"),
        ("sys.exit(5)", "exit status 5"),
    ],
)
async def test_the_end_of_the_process_is_the_calls(
    sandbox: Sandbox, tmp_path: Path, code: str, message: str
) -> None:
    """... and the next call finds a new one: also where it ends before it asks for anything."""
    for said in await call_all(sandbox, tmp_path, code, 1, 2):
        assert said.value == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {REQUEST} Error: Runtime exited with error: {message}",
        }


async def test_what_init_says_is_wrong(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
told = json.dumps({"errorMessage": "no key", "errorType": "Config"})
ask("POST", RUNTIME + "/init/error", told, {"Lambda-Runtime-Function-Error-Type": "Config"})
sys.exit(1)
"""
    [said] = await call_all(sandbox, tmp_path, code, 1)
    assert (said.status, said.value) == (500, {"errorMessage": "no key", "errorType": "Config"})


@pytest.mark.parametrize(
    ("files", "kind", "message"),
    [
        ({"other": "x"}, "Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): "),
        ({"bootstrap": "no script"}, "Runtime.InvalidEntrypoint", "exec format error"),
    ],
)
async def test_nothing_to_start(
    sandbox: Sandbox, tmp_path: Path, files: dict[str, str], kind: str, message: str
) -> None:
    async with opened(sandbox, tmp_path, files, TOLD) as zygote, instance(zygote) as talk:
        said = await talk.invoke(1)
        assert said.value["errorType"] == kind
        assert message in said.value["errorMessage"]


async def test_a_stream_passes_piece_by_piece(sandbox: Sandbox, tmp_path: Path) -> None:
    """... a large one too: the runtime waits for who reads."""
    code = """
id, event, _ = following()
streaming = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": "text/plain"}
pieces = (b"x" * 65536 for _ in range(event))
print(respond(id, pieces, headers=streaming, chunks=True)[0], flush=True)
following()
"""
    [said] = await call_all(sandbox, tmp_path, code, 32)
    assert said.headers == {"content-type": "text/plain", "lambda-response-mode": "streaming"}
    assert said.body == b"x" * (32 << 16)
    assert len(said.pieces) > 1


async def test_a_stream_whose_reader_goes(sandbox: Sandbox, tmp_path: Path) -> None:
    """... is over when the runtime is done with it, which then takes the next call."""
    code = """
streaming = {"Lambda-Runtime-Function-Response-Mode": "streaming"}
while True:
    id, event, _ = following()
    respond(id, (b"x" * 65536 for _ in range(64)), headers=streaming, chunks=True)
"""
    files = {"bootstrap": API + code}
    async with opened(sandbox, tmp_path, files, TOLD) as zygote, instance(zygote) as talk:
        talk.leaves = True
        said = await talk.invoke(1, timeout_s=20)
        assert said.failed is not None
        assert said.failed["ending"] == "cancelled"
        again = await talk.invoke(1, timeout_s=20)
        assert len(again.body) == 64 << 16


async def test_a_stream_that_fails_midway(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
import base64
id, event, _ = following()
api.putrequest("POST", f"{RUNTIME}/invocation/{id}/response")
api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
api.putheader("Transfer-Encoding", "chunked")
api.endheaders()
body = base64.b64encode(json.dumps({"errorMessage": "gone"}).encode()).decode()
api.send(b"3\\r\\nabc\\r\\n0\\r\\nLambda-Runtime-Function-Error-Type: Mine\\r\\n")
api.send(f"Lambda-Runtime-Function-Error-Body: {body}\\r\\n\\r\\n".encode())
api.getresponse().read()
following()
"""
    [said] = await call_all(sandbox, tmp_path, code, 1)
    assert said.body == b"abc"
    assert said.failed is not None
    assert said.failed["message"] == "Mine: gone"


async def test_a_runtime_that_dies_in_its_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
id, event, _ = following()
api.putrequest("POST", f"{RUNTIME}/invocation/{id}/response")
api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
api.putheader("Transfer-Encoding", "chunked")
api.endheaders()
api.send(b"3\\r\\nabc\\r\\n")
time.sleep(0.05)  # So that it is on its way.
os._exit(1)
"""
    for said in await call_all(sandbox, tmp_path, code, 1, 2):
        assert said.body == b"abc"
        assert said.failed is not None
        assert said.failed["message"].startswith("Runtime.")


async def test_a_large_answer(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
while True:
    id, event, _ = following()
    respond(id, b"x" * event)
"""
    most = 6_291_556
    fine, much = await call_all(sandbox, tmp_path, code, most, most + 1)
    assert (fine.status, len(fine.body)) == (200, most)
    assert much.value["errorType"] == "Function.ResponseSizeTooLarge"


async def test_what_the_runtime_api_refuses(sandbox: Sandbox, tmp_path: Path) -> None:
    """... and a client that misbehaves harms nobody: the same instance answers all calls."""
    code = """
import socket
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
def raw(said):
    with socket.create_connection((host, int(port)), 5) as sock:
        sock.sendall(said)
        return sock.recv(100).decode()[9:12]
def refused(id):
    return [
        ask("GET", "/nothing"),
        ask("POST", f"{RUNTIME}/invocation/other/response", "1"),
        ask("PUT", "/2022-07-01/telemetry", "{}"),
        ask("GET", f"{RUNTIME}/invocation/next"),
    ]
while True:
    id, event, _ = following()
    if event == "refused":
        answer = [[one[0], json.loads(one[2])["errorType"]] for one in refused(id)]
    elif event == "garbage":
        head = b"POST /x HTTP/1.1\\r\\n"
        answer = [
            raw(b"\\0" * 100 + b"\\r\\n\\r\\n"),
            raw(head + b"Content-Length: " + b"9" * 5000 + b"\\r\\n\\r\\n"),
            raw(head + b"Transfer-Encoding: chunked\\r\\n\\r\\n-5\\r\\n"),
        ]
    elif event == "crowd":
        crowd = [socket.create_connection((host, int(port)), 5) for _ in range(200)]
        answer = sum(one.recv(1) == b"" for one in crowd[150:])
        crowd.clear()
    elif event == "flood":
        respond(id, b"x" * (17 << 20))
        continue
    respond(id, json.dumps(answer))
    respond(id, json.dumps("once more"))
"""
    events = ("refused", "garbage", "crowd", "flood", "garbage")
    refused, garbage, crowd, flood, last = await call_all(sandbox, tmp_path, code, *events)
    assert refused.value == [
        [404, "NotFound"],
        [400, "InvalidRequestID"],
        [404, "Telemetry.NotSupported"],
        [403, "InvalidStateTransition"],
    ]
    assert garbage.value == last.value == ["400", "400", "400"]
    assert crowd.value == 50
    assert flood.value["errorType"] == "Function.ResponseSizeTooLarge"


EXTENSION = """#!/usr/bin/env -S python3 -S
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def ask(method, path, body=None, headers={}):
    api.request(method, "/2020-01-01/extension" + path, body, headers)
    answer = api.getresponse()
    return answer.headers, json.loads(answer.read())
wanted = json.dumps({"events": ["INVOKE", "SHUTDOWN"]})
headers, about = ask("POST", "/register", wanted, {"Lambda-Extension-Name": "beside"})
print("beside", about["functionName"], flush=True)
mine = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
while True:
    _, event = ask("GET", "/event/next", headers=mine)
    print("beside", event["eventType"], event.get("requestId", ""), flush=True)
    with open("/tmp/seen", "a") as file:
        file.write(event["eventType"] + "\\n")
"""
WAITS_FOR_EXTENSION = """
while True:
    id, event, _ = following()
    while not os.path.exists("/tmp/seen"):
        time.sleep(0.01)
    respond(id, json.dumps(open("/tmp/seen").read()))
"""


async def test_an_extension_hears_of_calls(sandbox: Sandbox, tmp_path: Path) -> None:
    layer = {"extensions/beside": EXTENSION}
    [said] = await call_all(sandbox, tmp_path, WAITS_FOR_EXTENSION, 1, layer=layer)
    assert said.value == "INVOKE\n"
    assert f"beside INVOKE {REQUEST}" in said.logs


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("import sys; sys.exit(3)", "Extension.Crash", "beside: Runtime exited with error: exit"),
        ("no script", "Extension.Crash", "beside: it cannot be started: Exec format error"),
        (
            EXTENSION.partition("while")[0]
            + "mine['Lambda-Extension-Function-Error-Type'] = 'Mine.Own'\n"
            + "ask('POST', '/init/error', 'no key', mine)\n",
            "Mine.Own",
            "beside: no key",
        ),
    ],
)
async def test_an_extension_that_gives_up_is_the_calls_error(
    sandbox: Sandbox, tmp_path: Path, code: str, kind: str, message: str
) -> None:
    shebang = "" if code.startswith(("#!", "no")) else "#!/usr/bin/env -S python3 -S\n"
    layer = {"extensions/beside": shebang + code}
    [said] = await call_all(sandbox, tmp_path, ECHO, 1, layer=layer)
    assert said.value["errorType"] == kind
    assert said.value["errorMessage"].startswith(f"RequestId: {REQUEST} Error: {message}")


async def test_a_large_event_comes_whole(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
while True:
    id, event, _ = following()
    respond(id, json.dumps(len(event)))
"""
    [said] = await call_all(sandbox, tmp_path, code, "x" * 1_000_000)
    assert said.value == 1_000_000


async def test_the_stock_runtime_client(sandbox: Sandbox, tmp_path: Path) -> None:
    """The package awslambdaric, as it is on PyPI, started by a bootstrap."""
    import awslambdaric
    import simplejson

    packages = [Path(one.__file__).parent for one in (awslambdaric, simplejson)]
    native = list(packages[0].parent.glob("runtime_client*.so"))
    layer = {
        f"python/{path.relative_to(packages[0].parent)}": path.read_bytes()
        for package in packages
        for path in [*package.rglob("*.py"), *package.rglob("*.so"), *native]
    }
    files = {
        "bootstrap": f"#!/bin/sh\nexec {PYTHON} -m awslambdaric $_HANDLER\n",
        "app.py": "def handler(event, context):\n    print('in here')\n"
        "    return {'event': event, 'left': context.get_remaining_time_in_millis() > 0}\n",
    }
    told = foreign("provided.al2023", "app.handler")
    environment = {"PYTHONPATH": "/opt/python"}
    async with (
        opened(sandbox, tmp_path, files, told, layer=layer, environment=environment) as zygote,
        instance(zygote, memory_bytes=256 << 20) as talk,
    ):
        for number in range(2):
            said = await talk.invoke(number, timeout_s=20)
            assert json.loads(said.body) == {"event": number, "left": True}, said.logs
            assert "in here" in said.logs


async def test_a_wrapper_starts_pythons_runtime(sandbox: Sandbox, tmp_path: Path) -> None:
    files = {
        "app.py": "import os\ndef handler(event, context):\n    print('in here')\n"
        "    if event == 'no': raise KeyError('x')\n"
        "    return [event, os.environ['WRAPPED'], context.function_name]\n",
        "bin/wrapper": '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n',
    }
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/bin/wrapper"}
    told = foreign("python3.12")
    async with (
        opened(sandbox, tmp_path, files, told, environment=environment) as zygote,
        instance(zygote) as talk,
    ):
        said = await talk.invoke(1, timeout_s=20)
        assert said.value == [1, "yes", "thumbs"], said.logs
        assert "in here" in said.logs
        failed = await talk.invoke("no", timeout_s=20)
        assert failed.value["errorType"] == "KeyError"
        assert failed.value["stackTrace"][0].startswith('  File "/var/task/app.py", line 4, in h')


async def test_without_namespaces(tmp_path: Path) -> None:
    """Where a machine gives none and that is allowed: folders are the host's own."""
    async with linux_sandbox(tmp_path, allow_weak=True, probe=lambda: LACKING) as sandbox:
        [said] = await call_all(sandbox, tmp_path, ECHO, 1)
        assert said.value["got"] == 1
