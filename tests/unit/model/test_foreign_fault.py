"""What Lambda functions say of their own failures, as their runtimes write it."""

import json

import pytest

from tapwater_server.model.foreign_fault import ANSWER_BYTES_MAX, Told, read_told, traceback_in


def answer(**said: object) -> bytes:
    return json.dumps(said).encode()


def test_node_tells_the_outermost_frame_last() -> None:
    trace = [
        "TypeError: no price",
        "    at each (file:///var/task/lib/price.mjs:3:9)",
        "    at handler (/var/task/app.mjs:9:3)",
        "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
    ]
    told = read_told(answer(errorType="TypeError", errorMessage="no price", trace=trace))
    frames = ["app.mjs:handler", "lib/price.mjs:each"]
    assert told == Told(error="TypeError", message="TypeError: no price", frames=frames)


def test_what_has_no_type_and_no_frames_is_its_sentence() -> None:
    told = read_told(answer(errorMessage="2026 Task timed out", stackTrace=[7, None]))
    assert told == Told(error="", message="2026 Task timed out", frames=[])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"oh",
        b"[]",
        b"[" * 100_000,
        answer(message="Internal"),
        answer(errorMessage=7),
        answer(errorMessage="x" * ANSWER_BYTES_MAX),
    ],
)
def test_anything_else_is_an_answer_like_any_other(body: bytes) -> None:
    assert read_told(body) is None


def test_only_the_runtimes_own_entry_is_a_traceback() -> None:
    assert traceback_in("Traceback (most recent call last):\n  x").startswith("Traceback")
    assert traceback_in("[ERROR] no more tea\rand no milk") == ""
    assert traceback_in("[INFO] x\rTraceback (most recent call last):") == ""
