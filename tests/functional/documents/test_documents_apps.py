"""What an app declares, how large its functions' documents are, who follows them, and its end."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
WAIT_S_MAX = 20.0
TOML = """
[users]
confirm = false

[[indexes]]
collection = "books"
fields = ["author", "-title"]

[[ttl]]
collection = "sessions"
field = "ends"
"""
RULES = """
[docs."notes/{id}"]
read = "old.owner == user.id"
list = "old.owner == user.id"
create = "new.owner == user.id"
"""
LARGE = """
import json

from tapwater import docs

CEILING = 1 << 20


def post(sign: str):
    data = {"text": "", "list": [0] * 1000, "half": 0.5}
    room = CEILING - len(json.dumps(data, separators=(",", ":")))
    size = len(json.dumps(sign, ensure_ascii=False).encode()) - 2
    data["text"] = sign * (room // size) + "x" * (room % size)
    docs.set("large/one", data)
    doc = docs.get("large/one")
    docs.update("large/one", {"half": 0.7})
    docs.set("large/two", data)
    found = [each.id for each in docs.query("large")]
    first = docs.query("large").page()
    return {"same": doc.data == data, "ids": found, "first": len(first), "more": bool(first.after)}


def put(size: int):
    try:
        docs.set("large/three", {"text": "x" * size})
    except Exception as error:
        return error.code
"""
FILES = {"tapwater.toml": TOML, "rules.toml": RULES, "big/restful/large.py": LARGE}


@pytest.fixture(scope="module")
def library(platform: Platform) -> Platform:
    platform.deploy(FILES, "library")
    return platform


def ask(platform: Platform, method: str, path: str, **options: Any) -> Any:
    return platform.api(method, f"/apps/library{path}", **options)


def is_ready(platform: Platform, id: str) -> bool:
    found = ask(platform, "GET", "/docs-indexes").json()["indexes"]
    return any(each["id"] == id and each["state"] == "ready" for each in found)


def test_declared_indexes_are_built_and_advice_can_be_pasted(library: Platform) -> None:
    until(lambda: is_ready(library, "books:author,-title"), "the index was built")
    query = {"collection": "books", "where": [["author", "==", "Ann"]], "order_by": ["-title"]}
    assert "advice" not in ask(library, "POST", "/docs-query", json=query).json()
    other = {"collection": "books", "where": [["year", ">", 1900]], "order_by": ["-year"]}
    advice = ask(library, "POST", "/docs-query", json=other).json()["advice"]
    assert advice["toml"] == '[[indexes]]\ncollection = "books"\nfields = ["year"]'
    # The index of the earlier revision stays: it may be gone back to.
    library.deploy({**FILES, "tapwater.toml": f"{advice['toml']}\n"}, "library")
    until(lambda: is_ready(library, "books:year"), "the index was built")
    assert "advice" not in ask(library, "POST", "/docs-query", json=other).json()
    assert is_ready(library, "books:author,-title")
    library.deploy(FILES, "library")


def test_a_wrong_entry_refuses_the_deploy(library: Platform) -> None:
    wrong = f"{TOML}\n[[indexes]]\ncollection = 'books'\n"
    refused = library.try_deploy({**FILES, "tapwater.toml": wrong}, "library")
    said = json.dumps(refused)
    assert "tapwater.toml:13" in said
    assert "indexes, entry 2: fields" in said


def test_a_declared_field_ends_documents(library: Platform) -> None:
    def is_declared() -> bool:
        found = ask(library, "GET", "/docs-ttl").json()["ttl"]
        return {"collection": "sessions", "field": "ends", "declared": True} in found

    until(is_declared, "the declaration was carried out")
    ask(library, "PUT", "/docs/sessions/1", json={"ends": "2001-01-01T00:00:00Z"})
    assert ask(library, "GET", "/docs/sessions/1").status_code == 404
    put = ask(library, "PUT", "/docs-ttl", json={"collection": "visits", "field": "a.end"})
    assert put.json() == {"collection": "visits", "field": "a.end", "declared": False}
    ask(library, "PUT", "/docs/visits/1", json={"a": {"end": 5}})
    assert ask(library, "GET", "/docs/visits/1").status_code == 404
    assert ask(library, "DELETE", "/docs-ttl?collection=visits").status_code == 204
    assert ask(library, "DELETE", "/docs-ttl?collection=visits").status_code == 404
    bad = ask(library, "PUT", "/docs-ttl", json={"collection": "visits", "field": "a..b"})
    assert bad.status_code == 400


@pytest.mark.parametrize("sign", ["x", "ü", "€", '"'])
def test_a_function_reads_and_writes_the_largest_documents(library: Platform, sign: str) -> None:
    said = library.visit("library", "/big-api/large", method="POST", params={"sign": sign}).json()
    assert said == {"same": True, "ids": ["one", "two"], "first": 1, "more": True}
    for size in ((1 << 20) + 1, 3 << 20):
        answer = library.visit("library", f"/big-api/large?size={size}", method="PUT")
        assert answer.text == "too_large"


async def hear(socket: ClientConnection) -> Any:
    async with asyncio.timeout(WAIT_S_MAX):
        return json.loads(await socket.recv())


def followed(platform: Platform, offered: list[Subprotocol]) -> connect:
    """Connect as a page of the app does."""
    host = f"library.localhost:{platform.port}"
    return connect(
        f"ws://{host}/_/v1/docs-live",
        host="127.0.0.1",
        subprotocols=offered,
        origin=Origin(f"http://{host}"),
        proxy=None,
    )


async def test_a_browser_follows_what_its_user_may_see(library: Platform) -> None:
    account = {"email": "ann@example.com", "password": "correct horse battery"}
    made = library.visit("library", "/_/v1/auth/sign-up", method="POST", json=account).json()
    user, token = made["user"]["id"], made["access_token"]
    for id, owner in (("hers", user), ("other", "bob")):
        ask(library, "PUT", f"/docs/notes/{id}", json={"owner": owner})
    # A browser can send no header of its own, only names of protocols.
    offered = [Subprotocol("tapwater"), Subprotocol(f"tapwater.bearer.{token}")]
    query = {"collection": "notes"}
    async with followed(library, offered) as socket:
        assert socket.subprotocol == "tapwater"
        await socket.send(json.dumps({"type": "subscribe", "id": "a", "query": query}))
        snapshot = await hear(socket)
        assert [each["id"] for each in snapshot["documents"]] == ["hers"]
        ask(library, "PUT", "/docs/notes/other", json={"owner": "bob", "n": 1})
        ask(library, "PUT", "/docs/notes/hers", json={"owner": user, "n": 2})
        heard = await hear(socket)
        assert (heard["type"], heard["document"]["data"]["n"]) == ("modified", 2)
    anybody = [Subprotocol("tapwater")]
    async with followed(library, anybody) as socket:
        await socket.send(json.dumps({"type": "subscribe", "id": "a", "query": query}))
        assert (await hear(socket))["documents"] == []


def test_a_removed_app_leaves_no_documents(library: Platform) -> None:
    files = {"hello.py": "def get():\n    return 1\n"}
    library.deploy(files, "brief")

    def brief(method: str, path: str, **options: Any) -> Any:
        return library.api(method, f"/apps/brief{path}", **options)

    for path in ("users/1", "users/1/orders/1", "users/1/orders/1/lines/1"):
        assert brief("PUT", f"/docs/{path}", json={"n": 1}).status_code == 200
    brief("POST", "/docs-indexes", json={"collection": "orders", "fields": ["n"], "group": True})
    brief("PUT", "/docs-ttl", json={"collection": "users", "field": "ends"})
    assert library.api("DELETE", "/apps/brief").status_code == 204
    library.deploy(files, "brief")
    assert brief("GET", "/docs").json()["collections"] == []
    assert brief("GET", "/docs-export").text == ""
    assert brief("GET", "/docs-indexes").json() == {"indexes": []}
    assert brief("GET", "/docs-ttl").json() == {"ttl": []}
    group = {"collection": "orders", "group": True, "count": True}
    assert brief("POST", "/docs-query", json=group).json()["count"] == 0
