"""Examples that answer over HTTP, deployed by `tapwater deploy`."""

import json

import pytest

from tests.functional.aws.conftest import Client
from tests.functional.aws.examples.conftest import EXAMPLES, Deploy, visit
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow


def test_an_api_with_the_resolver_of_powertools(aws: Platform, deployed: Deploy) -> None:
    stack = deployed("api")
    url = stack.urls["ServerlessHttpApi"].rstrip("/")
    books = visit(aws, f"{url}/books?pages=500")
    assert books.json() == [{"id": "1", "title": "Ulysses", "pages": 730}]
    assert visit(aws, f"{url}/books/2").json()["title"] == "Emma"
    missing = visit(aws, f"{url}/books/9")
    assert (missing.status_code, missing.json()["message"]) == (404, "there is no book 9")
    assert visit(aws, f"{url}/books?pages=x").status_code == 400
    added = visit(aws, f"{url}/books", "POST", json={"title": "Lolita"})
    assert (added.status_code, added.json()["title"]) == (201, "Lolita")
    again = deployed("api")
    assert not again.changed
    upload = next(step for step in again.steps if step["step"] == "upload")
    assert upload.get("detail", "0 new, 1 there already") == "0 new, 1 there already"


def test_a_url_that_streams_from_node(aws: Platform, deployed: Deploy) -> None:
    stack = deployed("node-streaming")
    (url,) = stack.urls.values()
    answer = visit(aws, f"{url}?pause=1")
    assert answer.text.split() == ["once", "upon", "a", "time"]
    assert answer.headers["x-words"] == "4"
    assert answer.headers["content-type"] == "text/plain"


def test_an_order_makes_an_event_and_a_rule_picks_it(
    aws: Platform, deployed: Deploy, received: object
) -> None:
    stack = deployed("orders")
    (url,) = (url.rstrip("/") for url in stack.urls.values())
    for total in (5, 500, 7):
        answer = visit(aws, f"{url}/orders", "POST", json={"total": total})
        assert (answer.status_code, bool(answer.json()["event"])) == (202, True)
    assert callable(received)
    assert [json.loads(one)["total"] for one in received(stack.outputs["Queue"])] == [500]


def test_a_chalice_app(aws: Platform, deployed: Deploy) -> None:
    stack = deployed("chalice-todo")
    assert stack.name == "todo-dev"
    (url,) = (url.rstrip("/") for url in stack.urls.values())
    assert visit(aws, f"{url}/").json() == {"to do": ["buy milk", "call Ada"]}
    assert visit(aws, f"{url}/tasks/2").json() == {"id": "2", "task": "call Ada"}
    assert visit(aws, f"{url}/tasks/9").status_code == 404
    added = visit(aws, f"{url}/tasks", "POST", json={"task": "sleep"})
    assert added.json() == {"added": "sleep", "as": "3"}
    assert len(stack.functions) == 2  # the API's, and the schedule's
    assert not (EXAMPLES / "chalice-todo" / ".chalice" / "deployments").exists()


def test_a_serverless_project(aws: Platform, deployed: Deploy, client: Client) -> None:
    stack = deployed("serverless-notes", "--stage", "prod")
    assert stack.name == "notes-prod"
    url = stack.urls["HttpApi"].rstrip("/")
    written = visit(aws, f"{url}/notes/a", "PUT", content=b"remember")
    assert (written.status_code, written.json()) == (201, {"name": "a", "stage": "prod"})
    assert visit(aws, f"{url}/notes/a").text == "remember"
    assert visit(aws, f"{url}/notes/b").status_code == 404
    client("sqs").send_message(QueueUrl=stack.outputs["Written"], MessageBody="now")
    until(lambda: visit(aws, f"{url}/notes/count").text == "1", "the notes are counted")


def test_every_example_tells_what_it_is() -> None:
    folders = [one for one in EXAMPLES.iterdir() if one.is_dir()]
    assert len(folders) >= 13
    assert not [one.name for one in folders if not (one / "README.md").is_file()]
