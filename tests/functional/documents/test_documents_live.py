"""Subscriptions over real sockets: what is there, every change, and going on after a break."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tapwater.services.docs import Docs
from tapwater.services.docs_watch import Change
from tapwater.services.http_transport import HttpTransport
from tests.functional.running import Platform

pytestmark = pytest.mark.slow
_NUMBERS = count(1)
WAIT_S_MAX = 20.0


@pytest.fixture
def docs(platform: Platform) -> Iterator[Docs]:
    transport = HttpTransport(platform.url, token=platform.token, app="shop")
    yield Docs(transport)
    transport.close()


@pytest.fixture(scope="module", autouse=True)
def shop(platform: Platform) -> None:
    platform.deploy({"hello.py": "def get():\n    return 1\n"}, "shop")


@pytest.fixture
def users() -> str:
    return f"users-{next(_NUMBERS)}"


@asynccontextmanager
async def talk(platform: Platform) -> AsyncIterator[ClientConnection]:
    url = platform.url.replace("http", "ws") + "/_/api/v1/apps/shop/docs-live"
    headers = {"authorization": f"Bearer {platform.token}"}
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        yield socket


async def hear(socket: ClientConnection) -> Any:
    async with asyncio.timeout(WAIT_S_MAX):
        return json.loads(await socket.recv())


async def test_a_query_is_followed_over_a_websocket(
    platform: Platform, docs: Docs, users: str
) -> None:
    docs.set(f"{users}/ann", {"age": 30})
    docs.set(f"{users}/bob", {"age": 10})
    query = {"collection": users, "where": [["age", ">", 20]]}
    async with talk(platform) as socket:
        await socket.send(json.dumps({"type": "subscribe", "id": "a", "query": query}))
        snapshot = await hear(socket)
        assert (snapshot["id"], snapshot["type"], snapshot["complete"]) == ("a", "snapshot", True)
        assert [each["id"] for each in snapshot["documents"]] == ["ann"]
        for age in (40, 41, 5):
            docs.update(f"{users}/bob", {"age": age})
        docs.delete(f"{users}/ann")
        heard = [await hear(socket) for _ in range(4)]
        assert [each["type"] for each in heard] == ["added", "modified", "removed", "removed"]
        assert heard[1]["document"]["data"] == {"age": 41}
        assert heard[3]["path"] == f"{users}/ann"
    # After a break, what happened meanwhile is told, and nothing else.
    docs.set(f"{users}/eve", {"age": 50})
    async with talk(platform) as socket:
        again = {"type": "subscribe", "id": "b", "query": query, "token": heard[1]["token"]}
        await socket.send(json.dumps(again))
        kinds = [(await hear(socket))["type"] for _ in range(4)]
        assert kinds == ["resumed", "removed", "removed", "added"]


async def test_one_socket_carries_several(platform: Platform, docs: Docs, users: str) -> None:
    async with talk(platform) as socket:
        one = {"type": "subscribe", "id": "one", "document": f"{users}/ann"}
        await socket.send(json.dumps(one))
        assert (await hear(socket))["documents"] == []
        await socket.send(json.dumps(one))
        assert (await hear(socket))["type"] == "error"
        group = {"type": "subscribe", "id": "all", "query": {"collection": "o", "group": True}}
        await socket.send(json.dumps(group))
        assert (await hear(socket))["id"] == "all"
        docs.set(f"{users}/ann", {"age": 1})
        assert (await hear(socket))["id"] == "one"
        await socket.send(json.dumps({"type": "unsubscribe", "id": "one"}))
        docs.set(f"{users}/ann", {"age": 2})
        docs.set(f"{users}/ann/o/1", {"n": 1})
        heard = await hear(socket)
        assert (heard["id"], heard["document"]["path"]) == ("all", f"{users}/ann/o/1")


async def test_the_first_few_are_followed(platform: Platform, docs: Docs, users: str) -> None:
    for n in range(5):
        docs.set(f"{users}/{n}", {"n": n})
    query = {"collection": users, "order_by": ["-n"]}
    async with talk(platform) as socket:
        one = {"type": "subscribe", "id": "a", "query": query, "top": 2}
        await socket.send(json.dumps(one))
        assert [each["id"] for each in (await hear(socket))["documents"]] == ["4", "3"]
        docs.delete(f"{users}/4")
        assert [each["id"] for each in (await hear(socket))["documents"]] == ["3", "2"]
        docs.update(f"{users}/0", {"n": 9})
        heard = await hear(socket)
        assert (heard["type"], [each["id"] for each in heard["documents"]]) == (
            "snapshot",
            ["0", "3"],
        )


@pytest.mark.parametrize(
    "said",
    [
        '{"type": "subscribe", "query": {"collection": "a"}, "top": 101}',
        '{"type": "subscribe", "document": "a/b", "top": 1}',
        "no json",
        "[]",
        '{"type": "sing"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "document": "users"}',
        '{"type": "subscribe", "query": {"collection": "a/b"}}',
        '{"type": "subscribe", "query": {"collection": "a", "where": [["a", "~", 1]]}}',
        '{"type": "subscribe", "document": "a/b", "token": "x"}',
        '{"type": "unsubscribe", "id": "x"}',
    ],
)
async def test_what_makes_no_sense_is_answered(platform: Platform, said: str) -> None:
    async with talk(platform) as socket:
        await socket.send(said)
        heard = await hear(socket)
        assert (heard["type"], heard["code"]) == ("error", "invalid")


def test_a_collection_is_followed_over_sse(docs: Docs, users: str) -> None:
    docs.set(f"{users}/ann", {"n": 1})
    changes: Iterator[Change] = docs.watch(users)
    first = next(changes)
    assert (first.kind, [doc.id for doc in first.docs]) == ("snapshot", ["ann"])
    docs.set(f"{users}/bob", {"n": 2})
    docs.delete(f"{users}/ann")
    added, removed = next(changes), next(changes)
    assert (added.kind, added.path, removed.kind) == ("added", f"{users}/bob", "removed")
    changes.close()  # type: ignore[attr-defined]
    resumed = docs.watch(users, token=added.token)
    assert next(resumed).kind == "removed"
    resumed.close()  # type: ignore[attr-defined]
    query = docs.query(users).where("n", ">", 1).watch()
    assert [doc.id for doc in next(query).docs] == ["bob"]
    query.close()  # type: ignore[attr-defined]


def test_out_and_in_again(platform: Platform, docs: Docs, users: str) -> None:
    with docs.batch() as batch:
        for n in range(300):
            batch.set(f"{users}/{n:03}", {"n": n, "text": "ü"})
        batch.set(f"{users}/000/sub/1", {"deep": True}, ttl=1000)
    every = platform.api("GET", "/apps/shop/docs-export").text.splitlines()
    lines = [line for line in every if users in line]
    assert len(lines) == 301
    one = platform.api("GET", "/apps/shop/docs-export", params={"collection": users})
    assert one.headers["content-type"] == "application/x-ndjson"
    assert len(one.text.splitlines()) == 300
    body = "\n".join(lines).replace(users, f"{users}-new")
    answer = platform.api("POST", "/apps/shop/docs-import", content=body.encode())
    assert answer.json() == {"imported": 301}
    again = platform.api("GET", "/apps/shop/docs-export").text.splitlines()
    assert "\n".join(line for line in again if f"{users}-new" in line) == body
    broken = platform.api(
        "POST",
        "/apps/shop/docs-import",
        content=b'{"path": "x/1", "data": {}}\n\n{"path": "x", "data": {}}\n',
    )
    assert broken.status_code == 400
    assert broken.json()["problems"][0]["where"] == "line 3"
    assert docs.get("x/1") is None


async def test_who_does_not_read_is_closed_with_a_token(
    platform: Platform, docs: Docs, users: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", platform.port, limit=1 << 20)
    writer.write(
        f"GET /_/api/v1/apps/shop/docs/{users}?subscribe=true HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: Bearer {platform.token}\r\n\r\n".encode()
    )
    await reader.readuntil(b"event: snapshot")
    text = "x" * 20_000
    for first in range(0, 2000, 100):  # 40 MB: more than sockets and buffers hold.
        with docs.batch() as batch:
            for n in range(first, first + 100):
                batch.set(f"{users}/{n}", {"text": text})
    heard: list[Any] = []
    async with asyncio.timeout(WAIT_S_MAX):
        while not heard or heard[-1]["type"] != "closed":
            line = await reader.readline()
            if line.startswith(b"data: "):
                heard.append(json.loads(line[6:]))
    writer.close()
    assert len(heard) < 2000
    # Nothing between is missing, and the token leads on to the rest.
    told = [each["document"]["id"] for each in heard if each["type"] == "added"]
    assert told == [str(n) for n in range(len(told))]
    resumed = docs.watch(users, token=heard[-1]["token"])
    assert next(resumed).path == f"{users}/{len(told)}"
    resumed.close()  # type: ignore[attr-defined]
