"""Each thing that a function can listen to, raised as its users raise it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.events.seeing import SAY, Line
from tests.functional.running import Platform

pytestmark = pytest.mark.slow

FILES = {
    "saying.py": SAY,
    "reactive/written.py": """
from tapwater import on
from saying import say

@on.document_written("shops/{shop}/orders/{id}")
def told(event, shop: str, id: str, before: dict | None, after: dict | None, document: dict):
    say(type=event.type.split(".")[-1], shop=shop, id=id, before=before, after=after, doc=document)
""",
    "reactive/created.py": """
from tapwater import docs, on
from saying import say

@on.document_created("shops/{shop}/orders/{id}")
def told(ctx, shop: str, id: str):
    docs.set(f"receipts/{id}", {"shop": shop})
    say(depth=ctx.depth)
""",
    "reactive/chained.py": """
from tapwater import on
from saying import say

@on.document_created("receipts/{id}")
def told(ctx, id: str):
    say(id=id, depth=ctx.depth)
""",
    "reactive/stored.py": """
from tapwater import on
from saying import say

@on.upload("pics/{user}/*.png")
def told(event, user: str):
    say(user=user, size=event.data["size"], key=event.subject)
""",
    "reactive/removed.py": """
from tapwater import on
from saying import say

@on.blob_deleted("pics/**")
def told(event):
    say(key=event.subject)
""",
    "reactive/news_a.py": """
from tapwater import on
from saying import say

@on.topic("news")
def told(data):
    say(data=data)
""",
    "reactive/news_b.py": """
from tapwater import on
from saying import say

@on.batch(topic="news", size=3, window="200ms")
def told(messages: list):
    say(messages=messages)
""",
    "reactive/mail.py": """
from tapwater import on
from saying import say

@on.message("mail")
def told(event, data):
    say(data=data, shop=event.extensions.get("shop"), source=event.source)
""",
    "reactive/tick.py": """
from tapwater import on
from saying import say

@on.schedule("every 1s")
def told(event):
    say(name=event.data["name"])
""",
    "reactive/joined.py": """
from tapwater import on
from saying import say

@on.user_created
def told(event):
    say(email=event.data["email"])
""",
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with Platform(tmp_path_factory.mktemp("sources") / "data") as platform:
        platform.deploy(FILES, "line")
        yield Line(platform)


def fine(line: Line, method: str, path: str, **options: Any) -> Any:
    answer = line.api(method, path, **options)
    assert answer.is_success, answer.text
    return answer


def test_documents(line: Line) -> None:
    path = "/docs/shops/7/orders/a"
    fine(line, "PUT", path, json={"n": 1})
    fine(line, "PUT", path, json={"n": 2})
    fine(line, "DELETE", path)
    seen = line.wait_saw("written", 3)
    assert [(one["type"], one["before"], one["after"], one["doc"]) for one in seen] == [
        ("created", None, {"n": 1}, {"n": 1}),
        ("updated", {"n": 1}, {"n": 2}, {"n": 2}),
        ("deleted", {"n": 2}, None, {"n": 2}),
    ]
    assert {(one["shop"], one["id"]) for one in seen} == {("7", "a")}


def test_a_chain_through_documents(line: Line) -> None:
    fine(line, "PUT", "/docs/shops/7/orders/chain", json={})
    said = line.wait_saw("chained", lambda seen: any(one["id"] == "chain" for one in seen))
    assert {one["depth"] for one in said} == {1}


def test_blobs(line: Line) -> None:
    fine(line, "PUT", "/blobs/pics/ada/me.png", content=b"12345")
    fine(line, "PUT", "/blobs/pics/ada/me.txt", content=b"12345")
    fine(line, "DELETE", "/blobs/pics/ada/me.txt")
    assert line.wait_saw("stored", 1) == [{"user": "ada", "size": 5, "key": "ada/me.png"}]
    assert line.wait_saw("removed", 1) == [{"key": "ada/me.txt"}]


def test_a_topic_tells_all_who_listen(line: Line) -> None:
    fine(line, "POST", "/topics/news", json={"messages": [{"body": n} for n in range(3)]})
    assert sorted(one["data"] for one in line.wait_saw("news_a", 3)) == [0, 1, 2]
    seen = line.wait_saw("news_b", lambda seen: sum(len(one["messages"]) for one in seen) == 3)
    assert sorted(n for one in seen for n in one["messages"]) == [0, 1, 2]


def test_a_queue(line: Line) -> None:
    message = {"body": {"to": "ada"}, "attributes": {"shop": "7"}}
    fine(line, "POST", "/queues/mail/messages", json={"messages": [message]})
    assert line.wait_saw("mail", 1) == [
        {"data": {"to": "ada"}, "shop": "7", "source": "/queues/mail"}
    ]


def test_a_schedule(line: Line) -> None:
    assert line.wait_saw("tick", 2)[0] == {"name": "tick"}


def test_users(line: Line) -> None:
    fine(line, "POST", "/users", json={"email": "ada@example.com", "password": "correct horse 7"})
    assert line.wait_saw("joined", 1) == [{"email": "ada@example.com"}]
