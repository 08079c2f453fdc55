"""What guests say in a structure: whatever it is, it is read under ceilings or refused."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater.runtime.wire import WireError
from tapwater_server.instances.structured import (
    FIELDS_BYTES_MAX,
    FIELDS_MAX,
    STEP_BYTES_MAX,
    Step,
    read_fields,
    read_line,
    read_said,
    read_step,
)

ID = "b7ad6b7169203331"


@given(st.binary(max_size=200))
def test_no_bytes_are_dangerous(raw: bytes) -> None:
    for read in (read_said, read_fields, read_step):
        with contextlib.suppress(WireError):
            read(raw)
    read_line(raw.decode("utf-8", "replace"))


def test_fields_are_cut() -> None:
    many = {f"n{n}": "x" * 300 for n in range(50)}
    assert len(read_fields(json.dumps(many).encode())) == FIELDS_MAX
    odd = read_fields(b'{"n": 123456789012345678901234567890, "l": [1], "%s": 1}' % (b"x" * 99))
    assert odd == {"n": "123456789012345678901234567890", "l": "[1]", "x" * 64: 1}


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"7", b"\xff", b"[" * 5000, b"{" + b" " * FIELDS_BYTES_MAX + b"}"]
)
def test_fields_that_are_none(raw: bytes) -> None:
    with pytest.raises(WireError):
        read_fields(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'{"id": "B7AD6B7169203331"}',
        b'{"id": "b7ad6b7169203331", "parent": "x"}',
        b'{"id": "b7ad6b7169203331", "ms": "long"}',
        b'{"id": "b7ad6b7169203331", "facts": {"a": 1}}',
        b'{"id": "b7ad6b7169203331", "trace": "of another"}',
        b'{"id": "b7ad6b7169203331", "name": "%s"}' % (b"x" * STEP_BYTES_MAX),
    ],
)
def test_steps_that_are_none(raw: bytes) -> None:
    with pytest.raises(WireError):
        read_step(raw)


def test_steps() -> None:
    told = {"id": ID, "parent": ID, "name": "resize", "ms": -5, "ok": False, "facts": {"a": "b"}}
    assert read_step(json.dumps(told).encode()) == Step(
        id=ID, parent=ID, name="resize", took_ms=0.0, ok=False, facts={"a": "b"}
    )
    assert read_step(b'{"more": 1000}') == 1000
    assert read_step(b'{"more": 99999999999}') == 1_000_000
    assert read_step(b'{"more": -3}') == 0


@pytest.mark.parametrize(
    ("line", "text", "level"),
    [
        ('{"level": "error", "message": "a", "n": 1}', "a", "error"),
        ('{"severity": "CRITICAL", "event": "a"}', "a", "error"),
        ('{"level": 30, "msg": "a"}', "a", None),
        ('{"n": 1}', '{"n": 1}', None),
    ],
)
def test_lines_of_json(line: str, text: str, level: str | None) -> None:
    said = read_line(line)
    assert said is not None
    assert (said.text, said.level) == (text, level)


@pytest.mark.parametrize("line", ["{not json}", "{}}", "[1]", '"a"', '{"a": ' + "[" * 9000 + "}"])
def test_lines_that_are_text(line: str) -> None:
    assert read_line(line) is None
