"""Errors, contexts and log lines, compared with what Lambda's own runtime for Python makes."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from awslambdaric import bootstrap as theirs
from awslambdaric.lambda_context import LambdaContext as TheirContext
from awslambdaric.lambda_runtime_log_utils import JsonFormatter as TheirFormatter
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

from tapwater.clouds.aws import said
from tapwater.clouds.aws.context import LambdaContext, about_function
from tapwater.clouds.aws.faults import entry
from tapwater.clouds.aws.python import Asked, PythonHandler
from tapwater.clouds.aws.said import JsonFormatter, Lines, Now

REQUEST = "8f5070c2-0000-4000-8000-000000000001"
FOREIGN = {"cloud": "aws", "runtime": "python3.12", "version": "7", "memory_mb": 256}
CONTEXT = '{"custom": {"a": 1}, "client": {"app_title": "t"}, "w3c": {"traceparent": "p", "x": 1}}'
BARE: dict[str, Any] = {
    "invoke_id": "1",
    "client_context": None,
    "cognito_identity": None,
    "epoch_deadline_time_in_ms": 0,
}
IDENTITY = '{"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"}'


class Recorder:
    """Stands where awslambdaric's client of the Runtime API is."""

    marshaller = LambdaMarshaller()

    def __init__(self) -> None:
        self.result: Any = None
        self.error: dict[str, Any] = {}

    def post_invocation_result(self, id: str, result: Any, *_: Any) -> None:
        self.result = result

    def post_invocation_error(self, id: str, error: str, *_: Any) -> None:
        self.error = json.loads(error)


class Sink:
    """Stands where awslambdaric writes its log."""

    lines: tuple[str, ...] = ()

    def log_error(self, lines: list[str]) -> None:
        self.lines = tuple(lines)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Writes a module and gives its name."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(code: str) -> str:
        name = f"written_{len(list(tmp_path.iterdir()))}"
        (tmp_path / f"{name}.py").write_text(code)
        return name

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def ask(handler: str, event: bytes, *, context: str = "", identity: str = "") -> dict[str, Any]:
    """Give what our runtime answers to an error, and what it logs."""
    function = PythonHandler({**FOREIGN, "handler": handler})
    function.load()
    asked = Asked(request=REQUEST, deadline_ms=0, arn="arn", context=context, identity=identity)
    answered = function.answer(event, asked)
    assert answered.told is not None
    assert json.loads(answered.payload) == answered.told
    return {"told": answered.told, "log": entry(answered.told)}


def ask_them(handler: str, event: bytes, *, context: str = "") -> dict[str, Any]:
    """The same of awslambdaric."""
    api, sink = Recorder(), Sink()
    arguments = (event, "application/json", context, "", "arn", 0, None, sink)
    try:
        found = theirs._get_handler(handler)
    except theirs.FaultException as fault:
        told = theirs.make_error(fault.msg, fault.exception_type, fault.trace, REQUEST)
        theirs.log_error(told, sink)
        return {"told": told, "log": "\r".join(sink.lines)}
    except Exception:
        told = {**theirs.build_fault_result(sys.exc_info(), None), "requestId": REQUEST}
        del told["stackTrace"][:2]  # Here, and where awslambdaric imports it.
        theirs.log_error(told, sink)
        return {"told": told, "log": "\r".join(sink.lines)}
    theirs.handle_event_request(api, found, REQUEST, *arguments)
    return {"told": api.error, "log": "\r".join(sink.lines)}


WRONG = {
    "raises": "def handler(e, c):\n    raise KeyError('x')\n",
    "raises with several lines": "def handler(e, c):\n    raise ValueError('a\\n  b')\n",
    "raises without words": "def handler(e, c):\n    raise ValueError\n",
    "raises from": "def f():\n    1 / 0\ndef handler(e, c):\n    f()\n",
    "a class of its own": "class Mine(Exception): pass\ndef handler(e, c):\n    raise Mine('ü')\n",
    "no form in JSON": "def handler(e, c):\n    return {1, 2}\n",
    "missing": "x = 1\n",
    "imports what is not there": "import nothing_such\n",
    "imports a name that is not there": "from os import nothing_such\n",
    "no Python": "def handler(e, c)\n    pass\n",
    "raises while it is imported": "x = 1 / 0\n",
}


@pytest.mark.parametrize("kind", WRONG)
def test_errors_are_told_as_lambda_does(module: Callable[[str], str], kind: str) -> None:
    name = module(WRONG[kind])
    made = ask(f"{name}.handler", b"{}")
    sys.modules.pop(name, None)
    assert made == ask_them(f"{name}.handler", b"{}")


@pytest.mark.parametrize("handler", ["handler", "sys.handler", "no_such_module_at_all.handler"])
def test_names_that_lead_nowhere(handler: str) -> None:
    assert ask(handler, b"{}") == ask_them(handler, b"{}")


def test_a_bad_event_and_a_bad_context(module: Callable[[str], str]) -> None:
    name = module("def handler(e, c):\n    return 1\n")
    for event, context in ((b"{", ""), (b"{}", "{")):
        made = ask(f"{name}.handler", event, context=context)
        expected = ask_them(f"{name}.handler", event, context=context)
        assert made["told"]["errorType"] == expected["told"]["errorType"]
        assert made["told"]["stackTrace"] == expected["told"]["stackTrace"] == []


def test_a_context_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FUNCTION_NAME", "FUNCTION_VERSION", "FUNCTION_MEMORY_SIZE", "LOG_GROUP_NAME"):
        monkeypatch.setenv(f"AWS_LAMBDA_{name}", name.lower())
    about_function.cache_clear()  # A process runs one function; a test's is another.
    ours, other = (
        kind(
            invoke_id=REQUEST,
            client_context=json.loads(CONTEXT),
            cognito_identity=json.loads(IDENTITY),
            epoch_deadline_time_in_ms=1_000,
            invoked_function_arn="arn",
            tenant_id="tenant",
        )
        for kind in (LambdaContext, TheirContext)
    )
    assert repr(ours) == repr(other)
    assert ours.w3c() == other.w3c() == {"traceparent": "p"}
    assert ours.get_remaining_time_in_millis() == 0
    assert ours.client_context is not None
    assert ours.client_context.client is not None
    assert vars(type(ours.client_context.client))["app_title"]
    bare, other = (kind(**BARE) for kind in (LambdaContext, TheirContext))
    assert repr(bare) == repr(other)
    assert vars(bare).keys() == vars(other).keys()


def test_a_context_logs_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    LambdaContext(**BARE).log(5)
    assert capsys.readouterr().out == "5"


def record(**more: Any) -> logging.LogRecord:
    values: dict[str, Any] = {
        "name": "mine",
        "level": 30,
        "pathname": "a.py",
        "lineno": 3,
        "msg": "hi %s",
    }
    made = logging.LogRecord(**(values | more), args=("you",), exc_info=None, func="f")
    made.aws_request_id, made.tenant_id = REQUEST, None
    return made


def test_records_as_objects() -> None:
    for made in (record(), record(level=35), record(level=60, name="root")):
        assert json.loads(JsonFormatter().format(made)) == json.loads(TheirFormatter().format(made))
    extra = record()
    extra.order, extra.odd = 5, object()
    assert json.loads(JsonFormatter().format(extra)) == json.loads(TheirFormatter().format(extra))
    failed = record()
    try:
        os.stat("/nothing/such")
    except OSError:
        failed.exc_info = sys.exc_info()
    assert json.loads(JsonFormatter().format(failed)) == json.loads(TheirFormatter().format(failed))


@pytest.fixture
def bare_root() -> Iterator[logging.Logger]:
    """The root logger as a new process has it."""
    root = logging.getLogger()
    handlers, level, converter = root.handlers, root.level, logging.Formatter.converter
    root.handlers, root.level = [], logging.WARNING
    yield root
    root.handlers, root.level = handlers, level
    logging.Formatter.converter = converter


def test_the_root_logger(bare_root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    said.install(FOREIGN)
    Now.request = REQUEST
    bare_root.info("not this")
    bare_root.warning("this %d\nand this", 1)
    line = capsys.readouterr().out
    assert line.startswith("[WARNING]\t20")
    assert line.endswith(f"Z\t{REQUEST}\tthis 1\nand this\n")


def test_a_level_is_set(bare_root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    said.install({**FOREIGN, "log_format": "JSON", "log_level": "TRACE"})
    assert bare_root.level == logging.DEBUG
    bare_root.debug({"a": 1})
    assert json.loads(capsys.readouterr().out)["message"] == {"a": 1}


def test_start_end_and_report() -> None:
    lines = Lines(FOREIGN)
    lines.init_ms = 100.25
    assert lines.start("1", "") == "START RequestId: 1 Version: 7"
    assert lines.start("1", "$LATEST") == "START RequestId: 1 Version: $LATEST"
    end, report = lines.end("1", 1.234, 30 << 20, status="success")
    assert end == "END RequestId: 1"
    assert report == (
        "REPORT RequestId: 1\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 256 MB\t"
        "Max Memory Used: 30 MB\tInit Duration: 100.25 ms\t"
    )
    assert "Init Duration" not in lines.end("1", 1.2, 0, status="success")[1]


def test_start_and_report_as_objects() -> None:
    lines = Lines({**FOREIGN, "log_format": "JSON"})
    lines.init_ms = 5.0
    start = json.loads(lines.start("1", "7"))
    assert (start["type"], start["record"]) == (
        "platform.start",
        {"requestId": "1", "version": "7"},
    )
    [report] = map(json.loads, lines.end("1", 1.5, 1, status="error"))
    assert report["record"] == {
        "requestId": "1",
        "status": "error",
        "metrics": {
            "durationMs": 1.5,
            "billedDurationMs": 2,
            "memorySizeMB": 256,
            "maxMemoryUsedMB": 1,
            "initDurationMs": 5.0,
        },
    }
    error = json.loads(lines.error({"errorType": "A", "errorMessage": "b"}))
    assert (error["level"], error["errorType"]) == ("ERROR", "A")


@pytest.mark.parametrize(
    "level", [{"log_format": "JSON", "system_level": "WARN"}, {"system_level": "OFF"}]
)
def test_nothing_is_said_below_its_level(level: dict[str, str]) -> None:
    lines = Lines({**FOREIGN, **level})
    assert lines.start("1", "") == ""
    assert lines.end("1", 1.0, 1, status="success") == []
