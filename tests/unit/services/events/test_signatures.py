"""Signatures of webhooks: the ones their senders make, and the ones others do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.services.events.signatures import CHECKS, complaint, sign
from tapwater_server.services.events.webhooks import parse, subject

SECRET, BODY, NOW = "s3cret", b'{"a": 1}', 1_700_000_000.0


def made(
    style: str, *, body: bytes = BODY, secret: str = SECRET, at: float = NOW
) -> dict[str, str]:
    """What a sender of that style would send."""
    key, time = secret.encode(), str(int(at))
    stamped = time.encode()
    return {
        "github": {"x-hub-signature-256": f"sha256={sign(key, body)}"},
        "stripe": {
            "stripe-signature": f"t={time},v1={'0' * 64},v1={sign(key, stamped + b'.' + body)}"
        },
        "slack": {
            "x-slack-request-timestamp": time,
            "x-slack-signature": f"v0={sign(key, b'v0:' + stamped + b':' + body)}",
        },
        "hmac": {"x-signature": sign(key, body)},
    }[style]


def judge(style: str, headers: dict[str, str], *, body: bytes = BODY, now: float = NOW) -> str:
    return complaint(style, headers, body, secret=SECRET, now=now)


@pytest.mark.parametrize("style", CHECKS)
def test_what_is_right_is_believed_and_nothing_else(style: str) -> None:
    right = made(style)
    assert judge(style, right) == ""
    assert judge(style, right, body=BODY + b" ")
    assert judge(style, made(style, secret="other"))
    assert judge(style, {})
    assert judge(style, dict.fromkeys(right, ""))
    assert complaint(style, right, BODY, secret="", now=NOW)


def test_a_vector_of_github_itself() -> None:
    """From the page of GitHub's documentation on securing webhooks."""
    headers = {
        "x-hub-signature-256": (
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        )
    }
    said = complaint(
        "github", headers, b"Hello, World!", secret="It's a Secret to Everybody", now=0
    )
    assert said == ""


@pytest.mark.parametrize("style", ["stripe", "slack"])
@pytest.mark.parametrize("away_s", [-301.0, 301.0])
def test_a_copy_of_an_old_request_is_refused(style: str, away_s: float) -> None:
    assert "old" in judge(style, made(style), now=NOW + away_s)
    assert judge(style, made(style), now=NOW + away_s * 0.99) == ""


def test_a_time_in_a_plain_signature() -> None:
    time = str(int(NOW))
    mark = sign(SECRET.encode(), time.encode() + b"." + BODY)
    headers = {"x-signature": f"sha256={mark}", "x-timestamp": time}
    assert judge("hmac", headers) == ""
    assert judge("hmac", headers, now=NOW + 999)
    assert judge("hmac", {"x-signature": mark})  # Without its time it fits no longer.


@given(st.sampled_from(sorted(CHECKS)), st.text(max_size=40), st.text(max_size=40))
def test_no_header_breaks_it(style: str, one: str, two: str) -> None:
    headers = dict.fromkeys(made(style), one) | {"x-timestamp": two}
    assert judge(style, headers)


def test_bodies() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert parse({"content-type": "application/json"}, b'{"a":1}') == {"a": 1}
    assert parse({}, b"[1]") == [1]
    assert parse({"content-type": "application/json"}, b"{") == "{"
    assert parse(form, b"payload=%7B%22a%22%3A1%7D") == {"a": 1}
    assert parse(form, b"command=%2Fhi&text=") == {"command": "/hi", "text": ""}
    assert parse({"content-type": "text/plain"}, b"\xff") == "\ufffd"
    assert parse(form, b"&".join(b"a%d=1" % n for n in range(2000))).startswith("a0=1")


def test_subjects() -> None:
    assert subject({}, {"event": {"type": "message"}}) == "message"
    assert subject({}, {"type": 7}) == ""
    assert subject({}, [1]) == ""
