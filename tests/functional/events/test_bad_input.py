"""What the API of events refuses, and that nothing of it is stored."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from tapwater_server.backends.system.clock import SystemClock
from tests.functional.events.seeing import STRUCTURED, Line

pytestmark = pytest.mark.slow

GOOD: dict[str, Any] = {"specversion": "1.0", "id": "b1", "type": "plain.bad", "source": "/events"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (STRUCTURED, b"{"),
        (STRUCTURED, b"[]"),
        (STRUCTURED, b"\xff"),
        (STRUCTURED, b"[" * 10_000),
        (STRUCTURED, json.dumps({**GOOD, "specversion": "0.3"}).encode()),
        (STRUCTURED, json.dumps({**GOOD, "id": ""}).encode()),
        (STRUCTURED, json.dumps({**GOOD, "id": 7}).encode()),
        (STRUCTURED, json.dumps({**GOOD, "type": "tapwater.user.created"}).encode()),
        (STRUCTURED, json.dumps({**GOOD, "time": "yesterday"}).encode()),
        (STRUCTURED, json.dumps({**GOOD, "Upper": "x"}).encode()),
        (STRUCTURED, json.dumps({**GOOD, "nested": {}}).encode()),
        (STRUCTURED, json.dumps({**GOOD, "data_base64": "%"}).encode()),
        (STRUCTURED, json.dumps({**GOOD, "data": 1, "data_base64": "YQ=="}).encode()),
        (BATCH, json.dumps([GOOD, {**GOOD, "id": ""}]).encode()),
        (BATCH, json.dumps(GOOD).encode()),
        ({"content-type": "application/json"}, b"{}"),
        ({"content-type": "application/json", "ce-specversion": "1.0", "ce-id": "1"}, b"{}"),
        ({"content-type": "application/cloudevents+avro"}, b"x"),
    ],
)
def test_what_is_no_event_is_refused_and_not_kept(
    line: Line, headers: dict[str, str], body: bytes
) -> None:
    answer = line.api("POST", "/events", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    listed = line.api("GET", "/events", params={"type": "plain.bad"}).json()
    assert listed["events"] == []


def test_too_much_data(line: Line) -> None:
    body = json.dumps({**GOOD, "data": "x" * (2 << 20)})
    assert line.api("POST", "/events", content=body, headers=STRUCTURED).status_code == 413


def test_nobody_publishes_without_a_token(line: Line) -> None:
    url = f"{line.platform.url}/_/api/v1/apps/line/events"
    assert line.platform.http.post(url, json=GOOD, headers=STRUCTURED).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/events/deliveries?state=evil", None),
        ("GET", "/events?limit=0", None),
        ("GET", "/events?since=never", None),
        ("POST", "/events/dead/replay", {}),
        ("POST", "/events/dead/drop", {"function": "a", "queue": "b"}),
        ("POST", "/events/replay", {}),
        ("POST", "/events/calls", {"function": "plain", "delay": -1}),
        ("POST", "/once/begin", {"key": ""}),
        ("POST", "/once/begin", {"key": "a", "lease_s": 1e9}),
    ],
)
def test_questions_that_cannot_be_understood(
    line: Line, method: str, path: str, body: object
) -> None:
    assert line.api(method, path, json=body).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/events/nothing", None),
        ("GET", "/events/deliveries/nothing", None),
        ("GET", "/events/dead/nothing", None),
        ("DELETE", "/events/dead/nothing", None),
        ("POST", "/events/calls", {"function": "no/such"}),
        ("POST", "/events/replay", {"since": 0, "function": "no/such"}),
        ("POST", "/webhooks/nothing", {}),
    ],
)
def test_what_is_not_there(line: Line, method: str, path: str, body: object) -> None:
    assert line.api(method, path, json=body).status_code == 404


def signed(body: bytes, secret: bytes = b"s3cret") -> dict[str, str]:
    mark = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return {
        "x-hub-signature-256": f"sha256={mark}",
        "x-github-event": "push",
        "x-github-delivery": mark,
        "content-type": "application/json",
    }


def hook(line: Line, name: str, body: bytes, headers: dict[str, str]) -> Any:
    """As another site would: without a token."""
    url = f"{line.platform.url}/_/api/v1/apps/line/webhooks/{name}"
    return line.platform.http.post(url, content=body, headers=headers)


def test_a_webhook_is_checked_and_told(line: Line) -> None:
    body = b'{"ref": "main"}'
    assert hook(line, "github", body, signed(body, b"wrong")).status_code == 401
    assert hook(line, "github", b'{"ref": "evil"}', signed(body)).status_code == 401
    assert hook(line, "github", body, {}).status_code == 401
    for _ in range(2):  # It is sent again: it is the same event.
        assert hook(line, "github", body, signed(body)).status_code == 202
    [seen] = line.wait_saw("hook", 1)
    assert (seen["subject"], seen["body"]) == ("push", {"ref": "main"})
    assert "x-hub-signature-256" not in seen["headers"]
    listed = line.api("GET", "/events", params={"type": "tapwater.webhook.github"}).json()
    assert len(listed["events"]) == 1


def test_slack_asks_whether_we_are_there(line: Line) -> None:
    body = b'{"type": "url_verification", "challenge": "c1"}'
    time = str(int(SystemClock().now()))
    mark = hmac.new(b"s3cret", f"v0:{time}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "x-slack-request-timestamp": time,
        "x-slack-signature": f"v0={mark}",
        "content-type": "application/json",
    }
    answer = hook(line, "slack", body, headers)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "c1"})
    assert (
        hook(line, "slack", body, {**headers, "x-slack-request-timestamp": "1"}).status_code == 401
    )


BAD_TRIGGERS = {
    '@on.document_created("users")': "names a collection",
    '@on.upload("a//b")': "empty part",
    '@on.schedule("61 * * * *")': "cron",
    '@on.schedule("* * * * *", tz="Mars/Base")': "time zone",
    '@on.mqtt("a/#/b")': "goes on after",
    '@on.message("no spaces")': "no name",
    '@on.event(type="x", retries="many")': "retries",
    '@on.event(type="x", key="{")': "brace",
    '@on.event(type="x", on_failure="function:nowhere")': "no function 'nowhere'",
    '@on.event(type="x", rate="fast")': "not a rate",
    '@on.message("q", debounce="1s")': "said by who sends",
}


@pytest.mark.parametrize(("mark", "says"), BAD_TRIGGERS.items())
def test_triggers_are_checked_at_the_deploy(line: Line, mark: str, says: str) -> None:
    code = f"from tapwater import on\n\n{mark}\ndef told(event):\n    pass\n"
    refused = line.platform.try_deploy({"reactive/bad.py": code}, "refused")
    [problem] = refused["problem"]["problems"]
    assert problem["where"] == "reactive/bad.py"
    assert says in problem["what"], problem


def test_a_list_of_large_events_stays_small(line: Line) -> None:
    """Whoever lists them must not make the platform hold them all."""
    for number in range(10):
        one = {**GOOD, "id": f"large{number}", "type": "large.one", "data": "x" * 1_000_000}
        assert line.api("POST", "/events", json=one, headers=STRUCTURED).status_code == 202
    wanted = {"type": "large.*", "data": "true"}
    listed = line.api("GET", "/events", params=wanted).json()["events"]
    assert [one["data"] is not None for one in listed] == [True] * 8 + [False] * 2
