"""A small web shop with some days' traffic in minutes: what the dashboard's screenshots show."""

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx

APP = "shop"
FILES = {
    "tapwater.toml": "[users]\nconfirm = false\n",
    "rules.toml": (
        '[docs."products/{id}"]\nread = "true"\n\n'
        '[docs."orders/{id}"]\nread = "user != null && old.user == user.id"\n'
        'create = "user != null && new.user == user.id"\n'
    ),
    "public/index.html": "<!doctype html><title>Shop</title><p>Everything for your tap.",
    "catalogue/restful/products.py": (
        '"""What there is to buy."""\n\nfrom tapwater import docs\n\n\n'
        "def get():\n"
        '    return [one.data for one in docs.collection("products").limit(50)]\n'
    ),
    "checkout/restful/pay.py": (
        '"""Take the money for an order."""\n\nfrom dataclasses import dataclass\n\n'
        "from tapwater import events\n\n\n"
        "@dataclass\nclass Order:\n    number: int\n    cents: int\n\n\n"
        "def post(order: Order):\n"
        "    if order.cents <= 0:\n"
        '        raise ValueError(f"order {order.number} costs nothing")\n'
        '    print(f"order {order.number}: {order.cents / 100:.2f} EUR taken")\n'
        '    events.publish("shop.order.paid", {"order": order.number, "cents": order.cents})\n'
        '    return {"paid": order.cents}\n'
    ),
    "orders/reactive/ship.py": (
        '"""Pack and send what was paid."""\n\nfrom tapwater import on\n\n\n'
        '@on.event(type="shop.order.paid", retries=["10ms", "20ms"])\n'
        "def ship(event):\n"
        '    if event.data["order"] % 13 == 0:\n'
        '        raise RuntimeError("the warehouse does not answer")\n'
        '    return {"parcel": f"P{event.data[\'order\']:06d}"}\n'
    ),
    "orders/reactive/thank.py": (
        '"""Write to the customer."""\n\nfrom tapwater import mail, on\n\n\n'
        '@on.message("thanks")\n'
        "def thank(event):\n"
        '    mail.send(to=event.data["to"], subject="Thank you", text="It is on its way.")\n'
    ),
    "orders/reactive/nightly.py": (
        '"""Count the day\'s takings."""\n\nfrom tapwater import on\n\n\n'
        '@on.schedule("0 3 * * *", tz="Europe/Berlin")\n'
        "def nightly():\n"
        '    print("counted")\n'
    ),
}
_NAMES = ("Kettle", "Carafe", "Filter", "Hose", "Tap", "Mug", "Bottle", "Ice tray", "Jug", "Cup")
Ask = Callable[..., httpx.Response]


def fill(api: Ask) -> None:
    """Give the app its data. ``api`` asks the control API as the admin."""

    def ask(method: str, path: str, **options: Any) -> httpx.Response:
        answer = api(method, f"/apps/{APP}{path}", **options)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer

    _documents(ask)
    _blobs(ask)
    _people(ask)
    _queues(ask)
    for name, value in (("PAYMENT_KEY", "sk-demo"), ("SMTP_PASSWORD", "demo")):
        ask("PUT", f"/secrets/{name}", json={"value": value})
    _budgets(api)


def visit(api: Ask, get: Callable[[str], object]) -> None:
    """Let customers come. ``get`` asks the app itself."""
    for order in range(1, 61):
        get("/")
        get("/catalogue-api/products")
        body = {"data": {"number": order, "cents": 0 if order % 20 == 0 else order * 130}}
        api("POST", f"/apps/{APP}/call/checkout/pay", json={"method": "POST", **body})


def _budgets(api: Ask) -> None:
    calls = {"app": APP, "limit": 400, "unit": "calls", "every": "day"}
    money = {"app": APP, "limit": 20, "mails": ["ada@example.com"]}
    mails = {"function": f"{APP}:orders/thank", "limit": 5, "unit": "mails", "every": "day"}
    for name, budget in (("calls-a-day", calls), ("shop-monthly", money), ("letters", mails)):
        answer = api("PUT", f"/budgets/{name}", json=budget)
        assert answer.is_success, answer.text


def _documents(ask: Ask) -> None:
    for number, name in enumerate(_NAMES):
        product = {
            "name": name,
            "price_cents": 490 + 310 * number,
            "stock": (number * 7) % 23,
            "tags": ["kitchen", "water"][: 1 + number % 2],
            "size": {"width_mm": 80 + number, "height_mm": 200 + 10 * number},
        }
        ask("PUT", f"/docs/products/{name.lower().replace(' ', '-')}", json=product)
    for number in range(1, 41):
        order = {"number": number, "state": "paid" if number % 3 else "open", "user": "ada"}
        ask("PUT", f"/docs/orders/{number:04d}", json=order)
    ask("PUT", "/docs/products/kettle/reviews/1", json={"stars": 5, "text": "It boils."})
    index = {"collection": "orders", "fields": ["state", "-number"]}
    ask("POST", "/docs-indexes", json=index)


def _blobs(ask: Ask) -> None:
    ask("PUT", "/blobs/pictures", json={})
    ask("PUT", "/blobs/invoices", json={"versioning": "on"})
    for number, name in enumerate(_NAMES[:6]):
        key = f"products/{name.lower()}.png"
        ask(
            "PUT",
            f"/blobs/pictures/{key}",
            content=picture(96, number),
            headers={"content-type": "image/png"},
        )
    text = "Invoice 1\n\n1 kettle   4.90 EUR\n"
    kind = {"content-type": "text/plain; charset=utf-8"}
    for number in range(1, 5):
        ask("PUT", f"/blobs/invoices/2026/{number:04d}.txt", content=text, headers=kind)
    ask("PUT", "/blobs/pictures/readme.txt", content="Pictures of the shop.\n", headers=kind)


def _people(ask: Ask) -> None:
    people = ("ada", "grace", "edsger", "barbara", "donald", "margaret")
    for number, name in enumerate(people):
        roles = ["staff"] if number < 2 else []
        user = {
            "email": f"{name}@example.com",
            "password": "a long password",
            "roles": roles,
            "email_verified": number % 3 != 2,
            "profile": {"name": name.title()},
        }
        made = ask("POST", "/users", json=user).json()
        if name == "donald":
            ask("PATCH", f"/users/{made['id']}", json={"disabled": True})
    for number in range(12):
        ask("PUT", f"/cache/page/{number}", json={"value": {"html": "x" * 40}, "ttl_s": 3600})


def _queues(ask: Ask) -> None:
    jobs = [{"body": {"picture": f"products/{name.lower()}.png"}} for name in _NAMES]
    ask("POST", "/queues/resize/messages", json={"messages": jobs})
    ask("PUT", "/topics/news/queues/newsletter")
    ask("POST", "/topics/news", json={"messages": [{"body": {"title": "New mugs"}}] * 3})
    thanks = [{"body": {"to": "ada@example.com"}} for _ in range(4)]
    ask("POST", "/queues/thanks/messages", json={"messages": thanks})
    ask("PUT", "/schedules/newsletter", json=_schedule("0 9 * * mon", "queue:newsletter"))
    ask("PUT", "/schedules/tidy", json=_schedule("every 1h", "function:orders/nightly"))
    ask("POST", "/schedules/tidy/pause")
    retained = {"topic": "sensors/cellar/pressure", "retain": "true"}
    ask("POST", "/mqtt/publish", params=retained, content=json.dumps({"bar": 3.1}))


def _schedule(times: str, target: str) -> dict[str, Any]:
    return {"times": times, "target": target, "zone": "Europe/Berlin", "payload": {"made": "demo"}}


def picture(side: int, seed: int) -> bytes:
    """Make a PNG: rings of water, of a colour that goes with ``seed``."""
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            ring = ((x - side // 2) ** 2 + (y - side // 2) ** 2) // 60 % 8
            rows += bytes((40 + 20 * seed, 90 + 15 * ring, 160 + 10 * ring))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    sum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", sum)
