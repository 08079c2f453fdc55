"""A small app of ours that uses most of what an export takes along."""

from collections.abc import Mapping, Sequence

FILES: Mapping[str, str] = {
    "tapwater.toml": """
name = "bookshop"
python = "3.11"

[env]
MODE = "trial"

[defaults]
memory = "128MB"
timeout = "20s"
""",
    "books/restful/book/[id].py": '''
"""One book."""
import os
from tapwater import Problem, Response

def get(id: int, lang: str = "en") -> dict:
    if id == 404:
        raise Problem(404, "There is no such book.")
    if id == 500:
        raise RuntimeError("the shelf fell down")
    return {"id": id, "lang": lang, "mode": os.environ["MODE"]}

def put(id: int) -> Response:
    cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2")]
    return Response(b"\\x00\\xff", 201, headers=[*cookies, ("content-type", "image/x")])
''',
    "books/restful/orders.py": '''
"""Takes orders."""
from dataclasses import dataclass
from tapwater import Request, blobs, queues

@dataclass
class Order:
    title: str
    count: int = 1

def post(order: Order, request: Request) -> dict:
    queues.send("orders", {"title": order.title, "count": order.count})
    return {"taken": order.title, "agent": request.headers.get("x-agent", "")}

def get(title: str) -> dict:
    return {"file": blobs.get(f"receipts/{title}.txt").decode()}
''',
    "books/restful/files/[...rest].py": '''
"""Says what is left of a path."""
def get(rest: str) -> str:
    return f"rest: {rest}"
''',
    "books/reactive/receipt.py": '''
"""Writes a receipt for each order."""
from tapwater import blobs, on

@on.message("orders")
def write(event) -> None:
    order = event.data
    blobs.put(f"receipts/{order['title']}.txt", f"{order['count']} x {order['title']}")
''',
    "books/reactive/nightly.py": '''
"""Counts at night."""
from tapwater import on

@on.schedule("0 3 * * 1-5", tz="Europe/Berlin")
def count(event) -> None:
    print("counted")
''',
    "books/reactive/forget.py": '''
"""Hears of documents, which AWS has not."""
from tapwater import docs, on

@on.document_deleted("books/{id}")
def forget(event) -> None:
    docs.collection("x")
''',
}

# Method, path, body, headers: asked of the app here and of the app there.
ASKED: Sequence[tuple[str, str, bytes | None, Mapping[str, str]]] = (
    ("GET", "/books-api/book/7", None, {}),
    ("GET", "/books-api/book/7?lang=it", None, {}),
    ("GET", "/books-api/book/seven", None, {}),
    ("GET", "/books-api/book/404", None, {}),
    ("HEAD", "/books-api/book/7", None, {}),
    ("PUT", "/books-api/book/7", b"", {}),
    ("DELETE", "/books-api/book/7", None, {}),
    ("OPTIONS", "/books-api/book/7", None, {}),
    ("GET", "/books-api/files/a/b%20c", None, {}),
    (
        "POST",
        "/books-api/orders",
        b'{"title": "Emma", "count": 2}',
        {"content-type": "application/json", "x-agent": "test"},
    ),
    ("POST", "/books-api/orders", b'{"count": 2}', {"content-type": "application/json"}),
    ("GET", "/books-api/orders?title=none", None, {}),
)
