"""Functions and documents: the binding inside, and the trigger on what it wrote."""

import json

import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

REGISTER = """
from tapwater import docs


def post(name: str):
    with docs.batch() as batch:
        batch.create(f"users/{name}", {"name": name, "visits": 0})
        batch.set("counts/users", {"n": docs.increment()}, merge=True)
    return {"found": [doc.id for doc in docs.query("users").where("name", "==", name)]}


def get(name: str):
    doc = docs.get(f"users/{name}")
    return {"doc": doc and doc.data}


async def put(name: str):
    import asyncio

    def visit(transaction):
        doc = transaction.get(f"users/{name}")
        transaction.update(f"users/{name}", {"visits": doc["visits"] + 1})
        return doc["visits"] + 1

    return await asyncio.to_thread(docs.transaction, visit)
"""
WELCOME = """
from tapwater import docs, on


@on.document_created("users/{id}")
def welcome(event):
    docs.set(f"letters/{event.params['id']}", {"after": event.data["after"]})
"""


@pytest.fixture(scope="module")
def shop(platform: Platform) -> Platform:
    files = {"users/restful/register.py": REGISTER, "users/reactive/welcome.py": WELCOME}
    platform.deploy(files, "shop")
    return platform


def document(platform: Platform, path: str) -> object:
    answer = platform.api("GET", f"/apps/shop/docs/{path}")
    return answer.json()["data"] if answer.status_code == 200 else None


def test_a_function_writes_and_another_is_told(shop: Platform) -> None:
    answer = shop.visit("shop", "/users-api/register?name=ann", method="POST")
    assert answer.json() == {"found": ["ann"]}
    letter = {"after": {"name": "ann", "visits": 0}}
    until(lambda: document(shop, "letters/ann") == letter, "the trigger ran")
    assert document(shop, "counts/users") == {"n": 1}
    read = shop.visit("shop", "/users-api/register?name=ann").json()
    assert read == {"doc": {"name": "ann", "visits": 0}}
    assert shop.visit("shop", "/users-api/register?name=eve").json() == {"doc": None}


def test_the_event_says_where_it_came_from(shop: Platform) -> None:
    shop.visit("shop", "/users-api/register?name=bob", method="POST")
    until(lambda: document(shop, "letters/bob") is not None, "the trigger ran")
    events = shop.api("GET", "/apps/shop/events", params={"limit": "100"}).json()["events"]
    depth = {each["subject"]: each.get("depth", 0) for each in events}
    assert depth["letters/bob"] > depth["users/bob"] > 0, json.dumps(events)[:2000]


def test_a_transaction_inside_a_function(shop: Platform) -> None:
    shop.visit("shop", "/users-api/register?name=zoe", method="POST")
    answers = [
        shop.visit("shop", "/users-api/register?name=zoe", method="PUT").text for _ in range(3)
    ]
    assert answers == ["1", "2", "3"]
