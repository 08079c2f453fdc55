"""An app of ours and its export, side by side on one platform: they answer the same."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from tapwater_server.cli.main import build
from tests.functional.aws.conftest import Client
from tests.functional.aws.examples.bookshop import ASKED, FILES
from tests.functional.aws.examples.conftest import Deploy, Stack, visit
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here(aws: Platform) -> Platform:
    """The app, deployed as it is."""
    aws.deploy(FILES, "bookshop")
    return aws


@pytest.fixture(scope="module")
def there(deployed: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Its export, deployed as a SAM project."""
    top = tmp_path_factory.mktemp("back")
    for name, text in FILES.items():
        (top / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (top / "app" / name).write_text(text)
    out = top / "exported"
    done = CliRunner().invoke(build(), ["export", "aws", str(top / "app"), "-o", str(out)])
    assert done.exit_code == 0, done.output
    return deployed(out, "--name", "bookshop-there")


def essence(answer: httpx.Response) -> tuple[int, str, Any]:
    """What of an answer is the function's own."""
    body: Any = answer.content
    kind = answer.headers.get("content-type", "") if body else ""  # An HTTP API always says one.
    if kind.endswith("json"):
        body = json.loads(body)
        body.pop("invocation", None)  # A number of the platform's.
    return answer.status_code, kind, body


def ask(there: Stack, aws: Platform, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask the export."""
    return visit(aws, there.urls["Api"].rstrip("/") + path, method, **more)


@pytest.mark.parametrize("asked", ASKED, ids=lambda one: f"{one[0]} {one[1]}")
def test_the_answers_are_the_same(
    here: Platform, there: Stack, asked: tuple[str, str, bytes | None, dict[str, str]]
) -> None:
    method, path, content, headers = asked
    more = {"content": content, "headers": dict(headers)}
    native = here.visit("bookshop", path, method=method, **more)
    exported = ask(there, here, method, path, **more)
    assert essence(exported) == essence(native)
    assert exported.headers.get("allow") == native.headers.get("allow")
    assert exported.headers.get_list("set-cookie") == native.headers.get_list("set-cookie")


def test_a_failure_is_a_500_here_and_there(here: Platform, there: Stack) -> None:
    path = "/books-api/book/500"
    native, exported = here.visit("bookshop", path), ask(there, here, "GET", path)
    assert native.status_code == exported.status_code == 500
    assert native.json()["code"] == exported.json()["code"] == "user_error"
    assert "the shelf" not in exported.text


def test_what_an_order_sets_off_happens_here_and_there(here: Platform, there: Stack) -> None:
    """A message, a function that hears of it and writes a blob, one that reads the blob."""
    order, path = {"title": "Ada", "count": 3}, "/books-api/orders?title=Ada"
    here.visit("bookshop", "/books-api/orders", method="POST", json=order)
    ask(there, here, "POST", "/books-api/orders", json=order)

    def read_here() -> httpx.Response:
        return here.visit("bookshop", path)

    def read_there() -> httpx.Response:
        return ask(there, here, "GET", path)

    for read in (read_here, read_there):
        until(partial(has_come, read), "the receipt is written")
        assert read().json() == {"file": "3 x Ada"}


def has_come(read: Callable[[], httpx.Response]) -> bool:
    """Say whether it can be read."""
    return read().status_code == 200


def test_the_scheduled_function_is_there(there: Stack, client: Client) -> None:
    name = there.functions["BooksNightly"]
    answer = client("lambda").invoke(FunctionName=name, Payload=b'{"source": "aws.scheduler"}')
    assert "FunctionError" not in answer, answer["Payload"].read()
    scheduler = client("scheduler")
    schedules = scheduler.list_schedules()["Schedules"]
    (found,) = (one["Name"] for one in schedules if name in one["Target"]["Arn"])
    schedule = scheduler.get_schedule(Name=found)
    assert schedule["ScheduleExpression"] == "cron(0 3 ? * MON-FRI *)"
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
