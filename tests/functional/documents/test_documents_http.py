"""The API of documents as a table: what is asked, and what is answered; then hostile input."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
RULES = """
[docs."notes/{id}"]
read = "old.public == true"
list = "old.public == true"
create = "new.public == true"
"""


@pytest.fixture(scope="module")
def shop(platform: Platform) -> Platform:
    platform.deploy({"hello.py": "def get():\n    return 1\n", "rules.toml": RULES}, "shop")
    return platform


@pytest.fixture
def clean(shop: Platform) -> Iterator[Platform]:
    yield shop
    found = ask(shop, "GET", "/docs-export").text.splitlines()
    assert all("stored" not in line for line in found), "hostile input left something behind"


def ask(platform: Platform, method: str, path: str, **options: Any) -> Any:
    return platform.api(method, f"/apps/shop{path}", **options)


def test_etags(shop: Platform) -> None:
    first = ask(shop, "PUT", "/docs/users/1", json={"n": 1})
    assert (first.status_code, first.json()["data"]) == (200, {"n": 1})
    etag = first.headers["etag"]
    assert ask(shop, "GET", "/docs/users/1", headers={"if-none-match": etag}).status_code == 304
    fits = ask(shop, "PUT", "/docs/users/1", json={"n": 2}, headers={"if-match": etag})
    assert fits.headers["etag"] != etag
    for headers in ({"if-match": etag}, {"if-none-match": "*"}):
        for method in ("PUT", "PATCH"):
            moved = ask(shop, method, "/docs/users/1", json={"n": 3}, headers=headers)
            assert (moved.status_code, moved.json()["code"]) == (412, "precondition_failed")
            assert "users/1" in moved.json()["detail"]
    gone = ask(shop, "DELETE", "/docs/users/1", headers={"if-match": etag})
    assert gone.status_code == 412
    commit = {"writes": [{"set": "users/1", "data": {}, "if": {"exists": False}}]}
    refused = ask(shop, "POST", "/docs-commit", json=commit)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert refused.json()["problems"][0]["where"] == "users/1"
    assert ask(shop, "GET", "/docs/users/1").json()["data"] == {"n": 2}
    now = fits.headers["etag"]
    assert ask(shop, "DELETE", "/docs/users/1", headers={"if-match": now}).status_code == 204
    assert ask(shop, "PUT", "/docs/users/1", json={}, headers={"if-match": "*"}).status_code == 412


def test_adding_says_where(shop: Platform) -> None:
    added = ask(shop, "POST", "/docs/users/1/orders?ttl=60", json={"n": 1})
    assert added.status_code == 201
    assert added.headers["location"] == f"orders/{added.json()['id']}"
    assert added.json()["expires_at"] == pytest.approx(added.json()["created_at"] + 60, abs=5)
    assert ask(shop, "PATCH", "/docs/users/none", json={}).status_code == 404
    assert ask(shop, "PATCH", "/docs/users/none?create=true", json={}).status_code == 200


def test_an_expired_document_goes_and_says_so(shop: Platform) -> None:
    ask(shop, "PUT", "/docs/brief/1?ttl=0.2", json={"n": 1})
    until(lambda: ask(shop, "GET", "/docs/brief/1").status_code == 404, "it ended")

    def swept() -> bool:
        events = ask(shop, "GET", "/events?type=tapwater.document.deleted").json()["events"]
        return any(each["subject"] == "brief/1" for each in events)

    until(swept, "its event was recorded")


def test_an_index_makes_the_advice_go(shop: Platform) -> None:
    for n in range(5):
        ask(shop, "PUT", f"/docs/things/{n}", json={"n": n, "tags": ["a", str(n)]})
    wanted = {"collection": "things", "where": [["n", ">", 1]], "order_by": ["-n"]}
    answer = ask(shop, "POST", "/docs-query", json=wanted)
    assert [each["id"] for each in answer.json()["documents"]] == ["4", "3", "2"]
    assert answer.headers["tapwater-advice"] == "index things:n"
    assert answer.json()["advice"]["command"] == "tapwater docs indexes add things n"
    made = ask(shop, "POST", "/docs-indexes", json={"collection": "things", "fields": ["n"]})
    assert (made.status_code, made.json()["id"]) == (202, "things:n")

    def ready() -> bool:
        found = ask(shop, "GET", "/docs-indexes").json()["indexes"]
        return any(each["id"] == "things:n" and each["state"] == "ready" for each in found)

    until(ready, "the index was built")
    answer = ask(shop, "POST", "/docs-query", json=wanted)
    assert [each["id"] for each in answer.json()["documents"]] == ["4", "3", "2"]
    assert "advice" not in answer.json()
    counted = ask(shop, "GET", "/docs/things?where=tags contains a;n<3&count=true")
    assert counted.json()["count"] == 3
    assert ask(shop, "DELETE", "/docs-indexes?id=things:n").status_code == 204
    assert ask(shop, "DELETE", "/docs-indexes?id=things:n").status_code == 404


def test_visitors_may_what_the_rules_allow(shop: Platform) -> None:
    ask(shop, "PUT", "/docs/notes/open", json={"public": True})
    ask(shop, "PUT", "/docs/notes/shut", json={"public": False})

    def visit(method: str, path: str, **options: Any) -> Any:
        return shop.visit("shop", f"/_/v1{path}", method=method, **options)

    assert visit("GET", "/docs/notes/open").json()["data"] == {"public": True}
    assert visit("GET", "/docs/notes/shut").status_code == 404
    listed = visit("GET", "/docs/notes").json()["documents"]
    assert [each["id"] for each in listed] == ["open"]
    assert visit("POST", "/docs/notes", json={"public": True}).status_code == 201
    assert visit("POST", "/docs/notes", json={"public": False}).status_code == 403
    assert visit("DELETE", "/docs/notes/shut").status_code == 404
    assert visit("DELETE", "/docs/notes/open").status_code == 403
    assert visit("GET", "/docs/users/1").status_code == 404
    for path in ("/docs", "/docs-indexes", "/docs-export"):
        assert visit("GET", path).status_code == 401


HOSTILE = [
    ("PUT", "/docs/users", b'{"stored": 1}', 400),
    ("PUT", "/docs/users//1", b'{"stored": 1}', 400),
    ("PUT", "/docs/users/%00", b'{"stored": 1}', 400),
    ("PUT", "/docs/users/%0a", b'{"stored": 1}', 400),
    ("PUT", "/docs/users/" + "x" * 201, b'{"stored": 1}', 400),
    ("PUT", "/docs/users/9", b"", 400),
    ("PUT", "/docs/users/9", b'["stored"]', 400),
    ("PUT", "/docs/users/9", b'{"stored": NaN}', 400),
    ("PUT", "/docs/users/9", b'{"stored": 1e999}', 400),
    ("PUT", "/docs/users/9", b'{"stored": 9223372036854775808}', 400),
    ("PUT", "/docs/users/9", b'{"stored": {"$do": 1}}', 400),
    ("PUT", "/docs/users/9", b'{"stored": 1, "$set": 1}', 400),
    ("PUT", "/docs/users/9", b'{"stored": "\xff"}', 400),
    ("PUT", "/docs/users/9", b'{"stored": "\\ud800"}', 400),
    ("PUT", "/docs/users/9", b'{"stored": ' + b"[" * 101 + b"]" * 101 + b"}", 400),
    ("PUT", "/docs/users/9", b'{"stored": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    ("PUT", "/docs/users/9", b'{"stored": "' + b"x" * (1 << 20) + b'"}', 413),
    ("PUT", "/docs/users/9", b'{"stored": "' + b"x" * (3 << 20) + b'"}', 413),
    ("PUT", "/docs/users/9?ttl=-1", b'{"stored": 1}', 400),
    ("PUT", "/docs/users/9?ttl=nan", b'{"stored": 1}', 400),
    ("PUT", "/docs/users/9?ttl=1&expires_at=1", b'{"stored": 1}', 400),
    ("POST", "/docs/users/9", b'{"stored": 1}', 400),
    ("PATCH", "/docs/users/9?create=true", b'{"stored": {"$increment": "1"}}', 400),
    ("PATCH", "/docs/users/9?places=true", b'{"stored..x": 1}', 404),
    ("POST", "/docs-commit", b'{"writes": [{"set": "u/1", "data": {"stored": 1}}, {}]}', 400),
    ("POST", "/docs-commit", b'{"writes": [{"set": "u/1", "data": {"stored": 1}, "x": 1}]}', 400),
    ("POST", "/docs-commit", b'{"writes": [{"set": "u/1", "data": [1]}]}', 400),
    ("POST", "/docs-commit", b"{}", 400),
    ("POST", "/docs-query", b"{}", 400),
    ("POST", "/docs-query", b'{"collection": "users", "after": "AAAA"}', 400),
    ("POST", "/docs-query", b'{"collection": "users", "limit": 1e9}', 400),
    ("POST", "/docs-get", b'{"paths": ["users"]}', 400),
    ("POST", "/docs-indexes", b'{"collection": "a/b/c", "fields": ["x"]}', 400),
    ("POST", "/docs-import", b'{"path": "u/1", "data": {"stored": 1}', 400),
    ("POST", "/docs-import", b'{"path": "u/1", "data": {"stored": {"$x": 1}}}', 400),
    ("GET", "/docs/users?limit=x", b"", 400),
    ("GET", "/docs/users?where=x", b"", 400),
    ("GET", "/docs/users?subscribe=perhaps", b"", 400),
    ("GET", "/docs/users?subscribe=true&token=x", b"", 400),
    ("GET", "/docs-live?query=x", b"", 400),
    ("DELETE", "/docs/users", b"", 400),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), HOSTILE)
def test_hostile_input_is_refused_and_stores_nothing(
    clean: Platform, method: str, path: str, body: bytes, status: int
) -> None:
    answer = ask(clean, method, path, content=body)
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
