"""One picture from the click to the e-mail: whatever a call led to is in its trace."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.running import Platform
from tests.functional.smtp import Receiver
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

THEIRS = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = THEIRS[3:35]
SHOP = {
    "users/restful/register.py": """
import tapwater
from tapwater import docs

def post(ctx, request):
    with tapwater.span("check", strict=True) as step:
        step.note(found=3)
        ctx.call("users/greet", {"name": "ada"})
    docs.set("users/42", {"email": "ada@example.com"})
    tapwater.log.info("registered", user="42", password="hunter22")
    return {"trace": ctx.trace_id, "headers": tapwater.trace.headers(), "state":
            request.headers.get("tracestate"), "header": request.headers.get("traceparent")}
""",
    "users/restful/greet.py": """
def post():
    return "hello"
""",
    "users/reactive/welcome.py": """
from tapwater import mail, on

@on.document_created("users/{id}")
def welcome(event, ctx):
    if ctx.attempt == 1:
        raise ValueError("not yet")
    mail.send(to="ada@example.com", subject="Welcome", text="hello")
""",
    "tapwater.toml": """
[functions."users/welcome"]
retries = ["50ms", "50ms"]
""",
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Platform]:
    folder: Path = tmp_path_factory.mktemp("tracing")
    settings = {"TAPWATER_SMTP_URL": receiver.url}
    with Platform(folder / "data", settings=settings) as running:
        running.deploy(SHOP, "shop")
        yield running


def spans_of(platform: Platform, trace: str) -> list[dict[str, Any]]:
    answer = platform.api("GET", f"/traces/{trace}")
    return list(answer.json()["spans"]) if answer.status_code == 200 else []


def one(spans: list[dict[str, Any]], kind: str, begins: str = "") -> dict[str, Any]:
    found = [span for span in spans if span["kind"] == kind and span["name"].startswith(begins)]
    assert len(found) == 1, (kind, begins, json.dumps(spans, indent=1))
    return found[0]


def test_from_the_click_to_the_mail(shop: Platform) -> None:
    headers = {"traceparent": THEIRS, "tracestate": "a=1"}
    answer = shop.http.post(f"{shop.url}/users-api/register", headers=headers)
    told = answer.json()
    assert answer.status_code == 200, (told, lines(shop, ""))
    assert told["trace"] == TRACE
    assert told["state"] == "a=1"
    assert told["header"] == told["headers"]["traceparent"]
    assert told["header"][:36] == THEIRS[:36]
    assert told["header"] != THEIRS
    until(
        lambda: any(span["kind"] == "mail" for span in spans_of(shop, TRACE)),
        "the mail is in the trace",
    )
    spans = spans_of(shop, TRACE)
    calls = [span for span in spans if span["kind"] == "invocation"]
    root = next(span for span in calls if span["function"] == "users/register")
    assert root["parent"] == THEIRS[36:52]
    assert root["id"] == told["header"][36:52]
    step = one(spans, "user", "check")
    assert step["parent"] == root["id"]
    assert step["facts"] == {"strict": "True", "found": "3"}
    call = one(spans, "call", "call users/greet")
    assert call["parent"] == step["id"]
    greeted = next(span for span in calls if span["function"] == "users/greet")
    assert greeted["parent"] == call["id"]
    put = one(spans, "ask", "docs.commit")
    assert put["parent"] == root["id"]
    happened = one(spans, "event", "event tapwater.document.created")
    assert happened["parent"] == put["id"]
    delivery = one(spans, "delivery")
    assert delivery["parent"] == happened["id"]
    attempts = [span for span in calls if span["function"] == "users/welcome"]
    assert [span["parent"] for span in attempts] == [delivery["id"]] * 2
    assert [span["ok"] for span in sorted(attempts, key=lambda one: one["at"])] == [False, True]
    sent = one(spans, "ask", "mail.post")
    assert sent["parent"] == attempts[-1]["id"]
    assert one(spans, "mail")["parent"] == sent["id"]


def test_lines_have_fields_and_no_secrets(shop: Platform) -> None:
    shop.http.post(f"{shop.url}/users-api/register")
    until(lambda: bool(lines(shop, "registered")), "the line is written down")
    line = lines(shop, "registered")[-1]
    assert line["fields"] == {"user": "42", "password": "•••"}
    assert len(line["trace"]) == 32


def lines(platform: Platform, text: str) -> list[dict[str, Any]]:
    answer = platform.api("GET", "/logs", params={"app": "shop", "text": text})
    return list(answer.json()["lines"])


def test_what_a_browser_asks_is_part_of_its_trace(shop: Platform) -> None:
    theirs = THEIRS.replace("4bf9", "5bf9")
    headers = {"traceparent": theirs, "authorization": f"Bearer {shop.token}"}
    answer = shop.http.put(
        f"{shop.url}/_/v1/docs/users/43", json={"email": "b@example.com"}, headers=headers
    )
    answer.raise_for_status()
    until(
        lambda: any(span["kind"] == "delivery" for span in spans_of(shop, theirs[3:35])),
        "what it led to is in the trace",
    )
    spans = spans_of(shop, theirs[3:35])
    put = one(spans, "ask", "docs.put users/43")
    assert put["parent"] == theirs[36:52]
    assert one(spans, "event")["parent"] == put["id"]


def test_a_background_call_is_part_of_the_trace_of_who_asked(shop: Platform) -> None:
    theirs = THEIRS.replace("4bf9", "6bf9")
    answer = shop.api(
        "POST",
        "/apps/shop/call/users/greet",
        json={"background": True},
        headers={"traceparent": theirs},
    )
    answer.raise_for_status()
    until(
        lambda: any(span["kind"] == "invocation" for span in spans_of(shop, theirs[3:35])),
        "the call is in the trace",
    )
    spans = spans_of(shop, theirs[3:35])
    delivery = one(spans, "delivery")
    assert delivery["parent"] == theirs[36:52]
    assert one(spans, "invocation")["parent"] == delivery["id"]


def test_a_trace_that_is_none_is_not_followed(shop: Platform) -> None:
    headers = {"traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "tracestate": "a=1"}
    told = shop.http.post(f"{shop.url}/users-api/register", headers=headers).json()
    assert told["trace"] != "0" * 32
    assert told["state"] is None
    assert told["header"] == told["headers"]["traceparent"]
