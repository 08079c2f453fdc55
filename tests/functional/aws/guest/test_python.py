"""Handlers of Python in the real sandbox: what they are given, what is made of what they give."""

import ctypes.util
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.backends.memory.sandbox import InlineSandbox
from tapwater_server.ports.sandbox import Sandbox
from tests.functional.aws.guest.lambda_kit import ARN, REQUEST, foreign, instance, opened
from tests.not_testable import CannotTest
from tests.sandbox_kit import linux_sandbox

LOOKS = """
import layered, logging, os, random, sys, time, uuid
from pathlib import Path
FIRST = [random.random(), str(uuid.uuid4())]
def handler(event, context):
    print("hi")
    logging.getLogger().info("not this")
    logging.getLogger("mine").warning("this\\nand this")
    context.log("as it is\\n")
    return {
        "event": event,
        "cwd": os.getcwd(),
        "env": dict(os.environ),
        "path": sys.path,
        "context": {name: str(value) for name, value in vars(context).items()},
        "identity": context.identity.cognito_identity_id,
        "left": context.get_remaining_time_in_millis(),
        "rolled": [FIRST, random.random(), str(uuid.uuid4())],
        "layered": layered.WHERE,
        "tool": os.popen("tool").read(),
        "tz": time.tzname,
        "files": sorted(os.listdir("/var/task")),
    }
"""
LAYER = {
    "python/layered.py": "WHERE = __file__",
    "bin/tool": "#!/bin/sh\necho a tool\n",
}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with linux_sandbox(tmp_path) as made:
        yield made


async def test_what_a_handler_is_given(sandbox: Sandbox, tmp_path: Path) -> None:
    environment = {"MINE": "1", "_HANDLER": "not mine to set", "PYTHONPATH": "/var/task/mine"}
    async with (
        opened(
            sandbox, tmp_path, {"app.py": LOOKS}, foreign(), layer=LAYER, environment=environment
        ) as zygote,
        instance(zygote) as talk,
    ):
        said = await talk.invoke(
            {"a": "ü"},
            timeout_s=5.0,
            trace="Root=1-5759e988;Sampled=1",
            client_context='{"custom": {"b": 1}}',
            cognito_identity='{"cognitoIdentityId": "someone"}',
            tenant_id="blue",
        )
        assert (said.status, said.headers) == (200, {"content-type": "application/json"})
        value = said.value
        assert value["event"] == {"a": "ü"}
        assert value["cwd"] == "/var/task"
        assert value["files"] == ["app.py"]
        assert value["layered"] == "/opt/python/layered.py"
        assert value["tool"] == "a tool\n"
        assert value["tz"] == ["UTC", "UTC"]
        assert value["path"][:2] == ["/var/task", "/var/task/mine"]
        assert value["path"].index("/opt/python") < value["path"].index("/tapwater")
        assert value["identity"] == "someone"
        assert 0 < value["left"] <= 5000
        check_context(value["context"])
        check_environment(value["env"])
        start, hi, warning, as_it_is, end, report = said.logs
        assert start == f"START RequestId: {REQUEST} Version: 7"
        assert (hi, as_it_is) == ("hi", "as it is")
        assert warning.startswith("[WARNING]\t20")
        assert warning.endswith(f"Z\t{REQUEST}\tthis\nand this")
        assert end == f"END RequestId: {REQUEST}"
        assert "\tMemory Size: 256 MB\tMax Memory Used: " in report
        assert "\tInit Duration: " in report
        again = await talk.invoke({}, request_id="2", version="$LATEST")
        assert again.value["env"].get("_X_AMZN_TRACE_ID") is None
        assert again.logs[0] == "START RequestId: 2 Version: $LATEST"
        assert "Init Duration" not in again.log


def check_context(context: dict[str, str]) -> None:
    assert context["aws_request_id"] == REQUEST
    assert context["function_name"] == "thumbs"
    assert context["function_version"] == "7"
    assert context["memory_limit_in_mb"] == "256"
    assert context["invoked_function_arn"] == ARN
    assert context["log_group_name"] == "/aws/lambda/thumbs"
    assert context["log_stream_name"].startswith("2026/11/21/[7]")
    assert context["tenant_id"] == "blue"
    assert context["client_context"] == "ClientContext([custom={'b': 1},env=None,client=None])"


def check_environment(env: dict[str, str]) -> None:
    assert env["MINE"] == "1"
    assert env["_HANDLER"] == "app.handler"
    assert env["_X_AMZN_TRACE_ID"] == "Root=1-5759e988;Sampled=1"
    assert env["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert env["AWS_LAMBDA_FUNCTION_NAME"] == "thumbs"
    assert env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert env["LAMBDA_TASK_ROOT"] == "/var/task"
    assert env["LAMBDA_RUNTIME_DIR"] == "/var/runtime"
    assert env["TZ"] == ":UTC"
    assert "/opt/bin" in env["PATH"]
    assert "/opt/lib" in env["LD_LIBRARY_PATH"]


async def test_instances_roll_and_remember_for_themselves(sandbox: Sandbox, tmp_path: Path) -> None:
    code = (
        "import random, uuid\nn = 0\ndef handler(event, context):\n    global n\n    n += 1\n"
        "    return [n, random.random(), str(uuid.uuid4())]\n"
    )
    seen = []
    async with opened(sandbox, tmp_path, {"app.py": code}, foreign()) as zygote:
        for _ in range(2):
            async with instance(zygote) as talk:
                seen += [(await talk.invoke()).value for _ in range(2)]
    assert [one[0] for one in seen] == [1, 2, 1, 2]
    assert len({text for one in seen for text in one[1:]}) == 8


ANSWERS: dict[str, tuple[str, bytes]] = {
    "nothing": ("None", b"null"),
    "bytes": ("b'\\x00raw'", b"\x00raw"),
    "a decimal": ("{'a': __import__('decimal').Decimal('1.10')}", b'{"a": 1.10}'),
    "other scripts": ("{'a': 'ü'}", '{"a": "ü"}'.encode()),
    "a number": ("1", b"1"),
}


async def test_answers_and_errors(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "def handler(event, context):\n    return eval(event)\n"
    async with (
        opened(sandbox, tmp_path, {"app.py": code}, foreign()) as zygote,
        instance(zygote) as talk,
    ):
        for text, expected in ANSWERS.values():
            said = await talk.invoke(text)
            assert (said.status, said.body) == (200, expected)
        failed = await talk.invoke("1 / 0")
        assert (failed.status, failed.headers["lambda-function-error"]) == (500, "Unhandled")
        assert failed.value["errorType"] == "ZeroDivisionError"
        assert failed.value["requestId"] == REQUEST
        assert failed.value["stackTrace"][0] == (
            '  File "/var/task/app.py", line 2, in handler\n    return eval(event)\n'
        )
        assert "[ERROR] ZeroDivisionError: division by zero\rTraceback" in failed.log
        odd = await talk.invoke("{1}")
        assert odd.value["errorType"] == "Runtime.MarshalError"
        large = await talk.invoke("'x' * 6291557")
        assert large.value["errorType"] == "Function.ResponseSizeTooLarge"
        most = await talk.invoke("'x' * 6291554")
        assert len(most.body) == 6291556
        none = await talk.invoke(raw=b"{")
        assert none.value["errorType"] == "Runtime.UnmarshalError"
        ended = await talk.invoke("exit(3)")
        assert ended.gone
        assert f"END RequestId: {REQUEST}" in ended.logs
        assert (await talk.wait_died()).detail == 3


BROKEN: dict[str, tuple[dict[str, str], str, str]] = {
    "no module": ({"other.py": ""}, "app.handler", "Runtime.ImportModuleError"),
    "no handler": ({"app.py": "x = 1"}, "app.handler", "Runtime.HandlerNotFound"),
    "a bad name": ({"app.py": "x = 1"}, "handler", "Runtime.MalformedHandlerName"),
    "no Python": ({"app.py": "def"}, "app.handler", "Runtime.UserCodeSyntaxError"),
    "raises": ({"app.py": "raise KeyError('x')"}, "app.handler", "KeyError"),
    "ends": ({"app.py": "import sys; sys.exit(4)"}, "app.handler", "Runtime.ExitError"),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_what_cannot_be_imported_opens_all_the_same(
    sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    files, handler, name = BROKEN[kind]
    told = foreign("python3.12", handler)
    async with opened(sandbox, tmp_path, files, told) as zygote, instance(zygote) as talk:
        for number in ("1", "2"):
            said = await talk.invoke(request_id=number)
            assert (said.value["errorType"], said.value["requestId"]) == (name, number)


async def test_an_import_is_tried_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """What was not there in the zygote may be there in an instance, as on Lambda."""
    code = (
        "import os\nif os.getpid() != 1: raise OSError('not yet')\n"
        "def handler(event, context):\n    return 'fine'\n"
    )
    async with (
        opened(sandbox, tmp_path, {"app.py": code}, foreign()) as zygote,
        instance(zygote) as talk,
    ):
        assert (await talk.invoke()).value == "fine"


async def test_what_a_handler_forks_does_not_answer(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "import os\ndef handler(event, context):\n    return bool(os.fork())\n"
    files = {"app.py": code}
    async with opened(sandbox, tmp_path, files, foreign()) as zygote, instance(zygote) as talk:
        assert [(await talk.invoke(1)).value for _ in range(4)] == [True] * 4


async def test_a_generator_streams(sandbox: Sandbox, tmp_path: Path) -> None:
    """Beyond Lambda's own runtime, where it is an error."""
    code = """
def handler(event, context):
    if event == "early": raise KeyError("x")
    if event == "http": yield {"statusCode": 201}
    for number in range(3):
        yield f"{number},"
        yield b"x" * (event if isinstance(event, int) else 0)
    if event == "late": raise KeyError("x")
"""
    async with (
        opened(sandbox, tmp_path, {"app.py": code}, foreign()) as zygote,
        instance(zygote) as talk,
    ):
        plain = await talk.invoke(300_000)
        assert plain.headers["lambda-response-mode"] == "streaming"
        assert plain.headers["content-type"] == "application/octet-stream"
        assert plain.body == b"".join(b"%d," % n + b"x" * 300_000 for n in range(3))
        http = await talk.invoke("http")
        assert http.headers["content-type"].endswith("http-integration-response")
        assert http.body == b'{"statusCode": 201}' + bytes(8) + b"0,1,2,"
        early = await talk.invoke("early")
        assert (early.status, early.value["errorType"]) == (500, "KeyError")
        late = await talk.invoke("late")
        assert late.body == b"0,1,2,"
        assert late.failed is not None
        assert (late.failed["ending"], late.failed["error"]) == ("user_error", "KeyError")
        assert (await talk.invoke("http")).status == 200


SNAPPED = """
import os
from snapshot_restore_py import register_before_snapshot, register_after_restore
SEEN = []
@register_before_snapshot
def first():
    SEEN.append(["before", os.getpid() == 1])
register_before_snapshot(lambda x, y: SEEN.append([x, y]), "before too", y=2)
@register_after_restore
def last():
    SEEN.append(["after", os.getpid() == 1])
def handler(event, context):
    return SEEN
"""


@pytest.mark.parametrize(
    ("init", "seen"),
    [
        ("snap-start", [["before too", 2], ["before", False], ["after", True]]),
        ("on-demand", []),
    ],
)
async def test_hooks_of_snapstart(
    sandbox: Sandbox, tmp_path: Path, init: str, seen: list[Any]
) -> None:
    told = foreign(init=init)
    async with (
        opened(sandbox, tmp_path, {"app.py": SNAPPED}, told) as zygote,
        instance(zygote) as talk,
    ):
        assert (await talk.invoke()).value == seen


@pytest.mark.parametrize(
    ("hook", "name"),
    [
        ("register_before_snapshot", "Runtime.BeforeSnapshotError"),
        ("register_after_restore", "Runtime.AfterRestoreError"),
    ],
)
async def test_a_hook_that_fails(sandbox: Sandbox, tmp_path: Path, hook: str, name: str) -> None:
    code = (
        f"import snapshot_restore_py as hooks\n@hooks.{hook}\n"
        "def hook():\n    raise OSError('no')\n"
        "def handler(event, context):\n    return 1\n"
    )
    told = foreign(init="snap-start")
    async with (
        opened(sandbox, tmp_path, {"app.py": code}, told) as zygote,
        instance(zygote) as talk,
    ):
        said = await talk.invoke()
        assert (said.value["errorType"], said.value["errorMessage"]) == (name, "OSError: no")


async def test_logs_as_objects(sandbox: Sandbox, tmp_path: Path) -> None:
    code = (
        "import logging\nlog = logging.getLogger()\ndef handler(event, context):\n"
        "    log.debug('not this'); log.info('this', extra={'order': 5}); 1 / event\n"
    )
    told = foreign(log_format="JSON", log_level="INFO")
    async with (
        opened(sandbox, tmp_path, {"app.py": code}, told) as zygote,
        instance(zygote) as talk,
    ):
        start, this, error, report = map(json.loads, (await talk.invoke(0)).logs)
        assert (start["type"], start["record"]["version"]) == ("platform.start", "7")
        assert (this["message"], this["order"], this["requestId"]) == ("this", 5, REQUEST)
        assert (error["level"], error["errorType"]) == ("ERROR", "ZeroDivisionError")
        assert (report["type"], report["record"]["status"]) == ("platform.report", "error")


async def test_a_library_of_a_layer_is_found_by_its_name(
    sandbox: Sandbox, tmp_path: Path, cannot_test: CannotTest
) -> None:
    """... also one that another one of them needs."""
    found = ctypes.util.find_library("z")
    places = [Path(one, found or "") for one in ("/lib/x86_64-linux-gnu", "/usr/lib", "/lib64")]
    real = next((one for one in places if found and one.is_file()), None)
    if real is None or found is None or len(found) != len("libz.so.1"):
        cannot_test("there is no libz here to make a library of")
    library = real.read_bytes().replace(b"libz.so.1\0", b"libq.so.1\0")
    code = (
        "import ctypes\nlibrary = ctypes.CDLL('libq.so.1')\n"
        "library.zlibVersion.restype = ctypes.c_char_p\n"
        "def handler(event, context):\n    return library.zlibVersion()[:2]\n"
    )
    async with (
        opened(
            sandbox, tmp_path, {"app.py": code}, foreign(), layer={"lib/libq.so.1": library}
        ) as zygote,
        instance(zygote) as talk,
    ):
        assert (await talk.invoke()).body == b"1."


async def test_threads_of_the_import_are_told(sandbox: Sandbox, tmp_path: Path) -> None:
    """A fork would lose them, so whoever opens it can open it another way."""
    code = (
        "import threading, time\n"
        "thread = threading.Thread(target=time.sleep, args=(1000,), daemon=True, name='mine')\n"
        "thread.start()\ndef handler(event, context):\n    return thread.is_alive()\n"
    )
    async with opened(sandbox, tmp_path, {"app.py": code}, foreign()) as zygote:
        assert zygote.manifest["threads"] == ["mine"]
    late = opened(sandbox, tmp_path, {"app.py": code}, foreign(), after_fork_import=True)
    async with late as zygote, instance(zygote) as talk:
        assert (await talk.invoke()).value is True


async def test_without_a_sandbox_for_tests(tmp_path: Path) -> None:
    """The inline one, which confines nothing, runs them too."""
    code = (
        "import os, beside\ndef handler(event, context):\n"
        "    return [event, os.environ['LAMBDA_TASK_ROOT'] == os.getcwd(), beside.X]\n"
    )
    layer = {"python/beside.py": "X = 5"}
    inline = InlineSandbox()
    try:
        async with (
            opened(inline, tmp_path, {"app.py": code}, foreign(), layer=layer) as zygote,
            instance(zygote) as talk,
        ):
            assert (await talk.invoke(1)).value == [1, True, 5]
    finally:
        await inline.close()
