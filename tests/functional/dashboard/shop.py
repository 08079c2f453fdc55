"""An app with something to see: calls that end well and badly, logs, events, two revisions."""

from tests.functional.running import Platform
from tests.functional.waiting import until

APP = "shop"
ROLE = "tapwater-admin"
KEEPER = ("keeper@shop.example", "a long enough password")

_LIST = '''"""What is for sale."""
import logging

ITEMS = [{"name": "tap", "price": 12}, {"name": "pipe", "price": 3}]


def get(limit: int = 10):
    logging.info("listed %d items", len(ITEMS))
    return ITEMS[:limit]
'''
_ORDER = '''"""Take an order."""
import logging

from tapwater import docs


def post(item: str, count: int = 1):
    if count > 99:
        logging.error("nobody orders %d of %s", count, item)
        raise ValueError(f"cannot order {count} of {item}")
    print(f"ordered {count} x {item}")
    made = docs.add("orders", {"item": item, "count": count})
    return {"order": made.id}
'''
_SEND = '''"""Send a letter for each order."""
from tapwater import on


@on.document_created("orders/{id}")
def send(id: str, after: dict):
    print("a letter about", after["count"], after["item"])
'''
_NIGHT = '''"""Add up the day."""
from tapwater import on


@on.schedule("0 3 * * *")
def report():
    print("added up")
'''
_SECOND_ORDER = _ORDER.replace("count > 99", "not 0 < count < 100")
FIRST = {
    "shop/restful/items.py": _LIST,
    "shop/restful/order.py": _ORDER,
    "shop/reactive/send_letter.py": _SEND,
}
SECOND = {**FIRST, "shop/reactive/nightly.py": _NIGHT, "shop/restful/order.py": _SECOND_ORDER}


def fill(platform: Platform) -> None:
    """Deploy twice, call, fail, and wait until all of it can be seen."""
    platform.deploy(FIRST, APP, note="the first")
    platform.deploy(SECOND, APP, note="with a report at night")
    for _ in range(12):
        platform.visit(APP, "/shop-api/items")
    for count in (1, 2, 100, 100):
        query = {"item": "tap", "count": str(count)}
        platform.visit(APP, "/shop-api/order", method="POST", params=query)
    until(lambda: len(platform.records(app=APP)) >= 18, "the calls are recorded")


def add_keeper(platform: Platform, *, role: bool = True) -> None:
    """Make a user of the app who may keep it."""
    email, password = KEEPER
    body = {"email": email, "password": password, "roles": [ROLE] if role else []}
    answer = platform.api("POST", f"/apps/{APP}/users", json=body)
    assert answer.status_code in {200, 201}, answer.text
