"""Functions ask services over the socket they inherited: blocking, on threads, on a loop."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.functional.running import Platform

FILES = {
    "a/restful/plain.py": (
        "from tapwater import docs\n\n"
        "def put(id: str, n: int):\n    docs.set(f'things/{id}', {'n': n})\n    return n\n\n"
        "def get(id: str):\n    return docs.get(f'things/{id}').data\n"
    ),
    "a/restful/threads.py": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from tapwater import docs\n\n"
        "def one(n):\n    docs.set(f'threads/{n}', {'n': n})\n    return n\n\n"
        "def get(count: int):\n"
        "    with ThreadPoolExecutor(50) as pool:\n"
        "        return sum(pool.map(one, range(count)))\n"
    ),
    "a/restful/loop.py": (
        "import asyncio\n"
        "from tapwater import docs, options\n\n"
        "options(concurrency=8)\n\n"
        "def one(n):\n"
        "    docs.set(f'loop/{n}', {'n': n})\n"
        "    return docs.get(f'loop/{n}').data['n']\n\n"
        "async def get(first: int, count: int):\n"
        "    numbers = range(first, first + count)\n"
        "    here = sum(one(n) for n in numbers)\n"  # Blocks the loop: allowed, not advised.
        "    there = await asyncio.gather(*(asyncio.to_thread(one, n) for n in numbers))\n"
        "    return [here, sum(there)]\n"
    ),
    "a/restful/asgi.py": (
        "from tapwater import docs\n\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http':\n        return\n"
        "    docs.set('asgi/1', {'n': 7})\n    n = docs.get('asgi/1').data['n']\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': str(n).encode()})\n"
    ),
    "a/restful/lost.py": (
        "import _thread, threading\n"
        "from tapwater import docs, options\n\n"
        "options(concurrency=2)\n\n"
        "def get(raw: bool):\n"
        "    said, done = [], threading.Event()\n"
        "    def ask():\n"
        "        try:\n            said.append(str(docs.get('a/b')))\n"
        "        except Exception as error:\n            said.append(str(error))\n"
        "        done.set()\n"
        "    if raw:\n        _thread.start_new_thread(ask, ())\n"
        "    else:\n        threading.Thread(target=ask).start()\n"
        "    done.wait()\n"
        "    return said[0]\n"
    ),
    "a/restful/wrong.py": (
        "from tapwater import docs\n"
        "from tapwater.services.ambient import current\n"
        "from tapwater.services.transport import Request, ServiceError\n\n"
        "def get():\n"
        "    said = []\n"
        "    for method, path, body in (\n"
        "        ('GET', '/nothing', b''), ('PATCH', '/queues', b''),\n"
        "        ('PUT', '/docs/a/b', b'{'), ('PUT', '/docs/a/b', bytes(3 << 20)),\n"
        "        ('GET', 'docs', b''),\n"
        "    ):\n"
        "        try:\n            current().send(Request(method=method, path=path, body=body))\n"
        "        except ServiceError as error:\n"
        "            said.append([error.code, error.status])\n"
        "    return said\n"
    ),
    "a/restful/large.py": (
        "from tapwater.services.ambient import current\n"
        "from tapwater.services.transport import Request, ServiceError\n\n"
        "def get(size: int):\n"
        "    request = Request(method='GET', path=f'/blobs/large/{size}')\n"
        "    try:\n        return len(current().send(request).body)\n"
        "    except ServiceError as error:\n        return [error.code, str(error)]\n"
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("binding") / "data") as running:
        running.deploy(FILES, "shop")
        yield running


def test_a_plain_function_reads_what_it_wrote(shop: Platform) -> None:
    assert shop.http.put(f"{shop.url}/a-api/plain?id=x&n=4").json() == 4
    assert shop.get("/a-api/plain?id=x").json() == {"n": 4}
    assert shop.api("GET", "/apps/shop/docs/things/x").json()["data"] == {"n": 4}


def test_each_app_has_its_own(shop: Platform) -> None:
    shop.deploy({"a/restful/plain.py": FILES["a/restful/plain.py"]}, "other")
    shop.http.put(f"{shop.url}/a-api/plain?id=mine&n=1")
    assert shop.visit("other", "/a-api/plain?id=mine").status_code == 500
    assert shop.api("GET", "/apps/other/docs/things/mine").status_code == 404


def test_more_threads_than_questions_allowed(shop: Platform) -> None:
    assert shop.get("/a-api/threads?count=100").json() == sum(range(100))


def test_an_async_function_may_ask_without_awaiting(shop: Platform) -> None:
    with ThreadPoolExecutor(6) as pool:
        asked = [
            (n * 10, pool.submit(shop.get, f"/a-api/loop?first={n * 10}&count=10"))
            for n in range(6)
        ]
        for first, answer in asked:
            wanted = sum(range(first, first + 10))
            assert answer.result().json() == [wanted, wanted]


def test_an_asgi_app_may_too(shop: Platform) -> None:
    assert shop.get("/a-api/asgi").text == "7"


def test_a_thread_of_no_call_is_told_what_to_do(shop: Platform) -> None:
    assert "asyncio.to_thread" in shop.get("/a-api/lost?raw=true").text


def test_a_thread_that_a_call_starts_asks_for_that_call(shop: Platform) -> None:
    assert shop.get("/a-api/lost?raw=false").text == "None"


def test_what_goes_wrong_comes_as_over_http(shop: Platform) -> None:
    assert shop.get("/a-api/wrong").json() == [
        ["not_found", 404],
        ["method_not_allowed", 405],
        ["invalid", 400],
        ["too_large", 413],
        ["invalid", 400],
    ]


def test_an_answer_larger_than_the_line_is_refused_with_advice(shop: Platform) -> None:
    for size in (1_900_000, 3_000_000):
        put = shop.api("PUT", f"/apps/shop/blobs/large/{size}", content=bytes(size))
        assert put.status_code < 300, put.text
    assert shop.get("/a-api/large?size=1900000").json() == 1_900_000
    code, said = shop.get("/a-api/large?size=3000000").json()
    assert code == "too_large"
    assert "ask for less" in said
    assert shop.get("/a-api/plain?id=none").status_code == 500  # The platform goes on.


def test_a_removed_app_leaves_nothing_to_the_next_of_its_name(shop: Platform) -> None:
    files = {"a/restful/plain.py": FILES["a/restful/plain.py"]}
    shop.deploy(files, "brief")
    put = {"host": f"brief.localhost:{shop.port}"}
    shop.http.put(f"{shop.url}/a-api/plain?id=x&n=4", headers=put)
    assert shop.api("PUT", "/apps/brief/blobs/bucket", json={}).status_code == 201
    assert shop.api("DELETE", "/apps/brief").status_code == 204
    assert shop.api("GET", "/apps/brief/docs/things/x").status_code == 404
    shop.deploy(files, "brief")
    assert shop.api("GET", "/apps/brief/docs/things/x").status_code == 404
    assert shop.api("GET", "/apps/brief/blobs").json() == {"buckets": []}
    assert shop.api("GET", "/apps/brief/events").json()["events"] == []
