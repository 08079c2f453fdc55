"""The picture of a trace says what happened, to whoever looks at it for the first time."""

from typing import Any

from tapwater_server.cli.picture import picture

NAMES = ("id", "parent", "name", "kind", "at", "took_ms", "ok", "function")
STEPS = (
    ("c1", "", "POST /users-api/register", "invocation", 10.0, 40.0, True, "users/register"),
    ("c1.q", "c1", "queue", "queue", 10.0, 0.2, True, "users/register"),
    ("c1.s", "c1", "start", "start", 10.0, 8.0, True, "users/register"),
    ("c1.h", "c1", "handler", "handler", 10.008, 32.0, True, "users/register"),
    ("a1", "c1", "docs.get users/ada", "ask", 10.01, 1.0, False, ""),
    ("e1", "c1", "event tapwater.document.created", "event", 10.02, 2.0, True, ""),
    ("d1", "e1", "delivery to users/welcome", "delivery", 10.022, 2.0, True, ""),
    ("c2", "d1", "tapwater.d → users/welcome", "invocation", 10.03, 9.0, False, "users/welcome"),
    ("c3", "d1", "tapwater.d → users/welcome", "invocation", 10.3, 50.0, True, "users/welcome"),
    ("c3.h", "c3", "handler", "handler", 10.3, 50.0, True, "users/welcome"),
)
FACTS: dict[str, dict[str, str]] = {
    "c1": {"status": "200"},
    "a1": {"error": "not_found"},
    "e1": {"subject": "users/\x1b[2Jada"},
    "d1": {"attempt": "1"},
    "c2": {"ending": "user_error"},
    "c3": {"attempt": "2"},
}


def found(*steps: tuple[Any, ...]) -> dict[str, Any]:
    spans = [
        {**dict(zip(NAMES, each, strict=True)), "facts": FACTS.get(each[0], {})} for each in steps
    ]
    for span in spans:
        span["invocation"] = f"i-{span['id']}"
    lines = [
        {"level": "error", "invocation": "i-c2", "text": "Traceback\nValueError: no"},
        {"level": "error", "invocation": "i-c2", "text": "ValueError: no"},
        {"level": "info", "invocation": "i-c1", "text": "registered"},
    ]
    return {"trace": "t" * 32, "at": 10.0, "took_ms": 350.0, "spans": spans, "lines": lines}


def drawn(*steps: tuple[Any, ...], columns: int = 120) -> list[str]:
    return [line.plain for line in picture(found(*steps), columns=columns)]


def test_it_says_who_caused_what_and_how_it_ended() -> None:
    head, axis, *rows, foot = drawn(*STEPS)
    assert head.endswith("3 calls in 350 ms, 1 failed")
    assert axis.split() == ["0", "350", "ms"]
    said = [row.rstrip(" ▏▎▍▌▋▊▉█") for row in rows]
    assert [row[: row.rindex("  ")].rstrip() if "ms" in row else row for row in said] == [
        "POST /users-api/register → users/register 200",
        "  cold start",
        "  ran",
        "  docs.get users/ada: not found",
        "  event tapwater.document.created (users/�[2Jada)",
        "    delivery to users/welcome",
        "      → users/welcome: user error",
        "        │ Traceback",
        "        │ ValueError: no",
        "      → users/welcome, attempt 2",
    ]
    assert foot == f"3 lines of log: tapwater logs --trace {'t' * 32}"


def test_the_bars_stand_below_their_time() -> None:
    _, axis, *rows, _ = drawn(*STEPS)
    began = axis.index("0")
    first, last = rows[0], rows[-1]
    assert first.index("█") == began
    assert last.index("█") > began + (len(axis) - began) * 0.8
    assert all(len(row) <= 120 for row in rows)


def test_of_many_steps_the_rest_is_counted_and_depth_has_an_end() -> None:
    chain = [
        (f"s{n}", f"s{n - 1}", "step", "user", 10.0, 1.0, True, "users/hi") for n in range(400)
    ]
    _, _, *rows, more, _ = drawn(*chain, columns=80)
    assert len(rows) == 300
    assert more == "… and 100 steps more"
    assert all("step" in row or "…" in row for row in rows)


def test_what_is_cut_says_so() -> None:
    _, _, row, *_ = drawn(STEPS[0], columns=60)
    assert row.startswith("POST /users-api/register → us")
    assert "…" in row
