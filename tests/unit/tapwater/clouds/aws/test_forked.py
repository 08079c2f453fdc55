"""One call of a handler in a fork: what is said of it leaves with its answer."""

import os
from pathlib import Path
from typing import Any

import pytest

from tapwater.clouds.aws.environment import variables
from tapwater.clouds.aws.forked import PythonFunction
from tapwater.runtime import wire
from tapwater.runtime.call import Call
from tapwater.runtime.invoke_view import InvokeView
from tapwater.runtime.logs import SINK

HEADERS = [(b"lambda-request-id", b"7-7"), (b"lambda-version", b"3")]
CODE = """
def handler(event, context):
    if event == "out":
        raise SystemExit(1)
    if event == "say":
        print("something")
    return event
"""


class Link:
    """Keeps what is sent, send by send."""

    def __init__(self) -> None:
        self.sent: list[list[tuple[int, bytes]]] = []

    def send(self, frame: bytes) -> None:
        frames = wire.Decoder().feed(frame, most=100)
        self.sent.append([(kind, payload) for kind, _, payload in frames])


def call_of(event: bytes, link: Any) -> Call:
    asked = wire.Invoke(
        int(wire.Verb.EVENT), False, 3.0, 0, b"1", b"POST", b"/f", b"", b"", b"http", b"", b"",
        b"", b"", HEADERS, event,
    )  # fmt: skip
    frame = wire.pack_invoke(1, asked)
    [(_, number, payload)] = wire.Decoder().feed(frame, most=1)
    return Call(number, InvokeView(payload), link, 0.0)


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **more: str) -> PythonFunction:
    (tmp_path / "held_app.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    foreign = {"runtime": "python3.12", "handler": "held_app.handler", "name": "f", **more}
    for name, value in variables(foreign, {}, home="/tmp", task=str(tmp_path)).items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(SINK, "partial", {})
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    function = PythonFunction(foreign)
    function.load()
    assert function._handler.fault is None
    return function


def kinds(sent: list[tuple[int, bytes]]) -> list[str]:
    """Give the beginnings of lines, and "result"."""
    assert {kind for kind, _ in sent} <= {wire.Kind.LOG, wire.Kind.RESULT}
    return [said[1:6].decode() if kind == wire.Kind.LOG else "result" for kind, said in sent]


def test_all_that_is_said_of_a_call_is_sent_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, link = made(tmp_path, monkeypatch, opening="START"), Link()
    monkeypatch.setattr(SINK, "link", link)
    function.serve(None, call_of(b"{}", link))
    assert [kinds(one) for one in link.sent] == [["START", "END R", "REPOR", "result"]]
    link.sent.clear()
    with pytest.raises(SystemExit):
        function.serve(None, call_of(b'"out"', link))
    assert [kinds(one) for one in link.sent] == [["START", "END R", "REPOR"]]
    assert SINK.held == b""


def test_the_beginning_leaves_with_the_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, link = made(tmp_path, monkeypatch, opening="START"), Link()
    monkeypatch.setattr(SINK, "link", link)
    monkeypatch.setattr(
        "builtins.print", lambda text: SINK.send(wire.Level.INFO, [text], SINK.serial)
    )
    call = call_of(b'"say"', link)
    monkeypatch.setattr(SINK, "serial", call)
    function.serve(None, call)
    assert [kinds(one) for one in link.sent] == [["START", "somet"], ["END R", "REPOR", "result"]]


def test_without_somebody_to_say_it_the_beginning_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, link = made(tmp_path, monkeypatch), Link()
    monkeypatch.setattr(SINK, "link", link)
    function.serve(None, call_of(b"{}", link))
    assert [kinds(one) for one in link.sent] == [["START"], ["END R", "REPOR", "result"]]
    assert os.environ.get("_X_AMZN_TRACE_ID") is None
