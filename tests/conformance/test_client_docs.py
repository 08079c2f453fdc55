"""What the client of documents does, against the fake and against a real platform."""

import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tapwater.services.docs import Docs, Transaction
from tapwater.services.transport import ServiceError, Transport
from tapwater.testing.fakes.docs import FakeDocs
from tests.conformance.client_transport import shop_over_http

_NUMBERS = count(1)


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeDocs()
        return
    with shop_over_http(tmp_path_factory.mktemp("docs")) as over_http:
        yield over_http


@pytest.fixture
def docs(transport: Transport) -> Docs:
    return Docs(transport)


@pytest.fixture
def users() -> str:
    return f"users-{next(_NUMBERS)}"


def refused(code: str) -> Any:
    return pytest.raises(ServiceError, check=lambda error: error.code == code)


def test_what_is_written_is_read(docs: Docs, users: str) -> None:
    data: dict[str, Any] = {"name": "Ann ü", "n": [1, 2.5, None, True, {"deep": {}}]}
    version = docs.set(f"{users}/a b", data)
    found = docs.get(f"{users}/a b")
    assert found is not None
    assert (found.data, found.id, found.version) == (data, "a b", version)
    assert found["name"] == "Ann ü"
    assert docs.set(f"{users}/a b", {"x": 1}) > version
    assert docs.get_many([f"{users}/a b", f"{users}/none"])[1] is None
    docs.delete(f"{users}/a b")
    docs.delete(f"{users}/a b")
    assert docs.get(f"{users}/a b") is None


def test_added_ones_sort_as_they_came(docs: Docs, users: str) -> None:
    added = [docs.add(users, {"n": n}).id for n in range(3)]
    assert [doc.id for doc in docs.query(users)] == added
    assert docs.collection(users).add({"n": 4})["n"] == 4


def test_operators(docs: Docs, users: str) -> None:
    path = f"{users}/ann"
    docs.set(path, {"n": 1, "tags": ["a"], "old": 1, "in": {"n": 2.5}})
    docs.update(
        path,
        {
            "n": docs.increment(),
            "tags": docs.array_union("a", "b", 1, 1.0),
            "old": docs.delete_field(),
            "in.n": docs.increment(0.5),
            "new.place": docs.increment(7),
            docs.place("a.b"): 1,
        },
    )
    doc = docs.get(path)
    assert doc is not None
    assert doc.data == {
        "n": 2,
        "tags": ["a", "b", 1],
        "in": {"n": 3.0},
        "new": {"place": 7},
        "a.b": 1,
    }
    docs.set(path, {"tags": docs.array_remove("a", 1), "at": docs.server_time()}, merge=True)
    doc = docs.get(path)
    assert doc is not None
    assert doc["tags"] == ["b"]
    assert doc["at"] == doc.updated_at


def test_conditions(docs: Docs, users: str) -> None:
    path = f"{users}/ann"
    version = docs.create(path, {"n": 1})
    with refused("conflict"):
        docs.create(path, {"n": 2})
    docs.set(path, {"n": 3}, version=version)
    with refused("conflict"):
        docs.set(path, {"n": 4}, version=version)
    with refused("conflict"):
        docs.delete(path, version=version)
    with refused("not_found"):
        docs.update(f"{users}/none", {"n": 1})
    doc = docs.get(path)
    assert doc is not None
    assert doc.data == {"n": 3}


def test_a_batch_is_whole_or_not_at_all(docs: Docs, users: str) -> None:
    with docs.batch() as batch:
        batch.set(f"{users}/a", {"n": 1}).set(f"{users}/a", {"m": 1}, merge=True)
        batch.update(f"{users}/a", {"n": docs.increment()}).create(f"{users}/b", {})
    doc = docs.get(f"{users}/a")
    assert doc is not None
    assert doc.data == {"n": 2, "m": 1}
    batch = docs.batch().delete(f"{users}/a").update(f"{users}/none", {})
    with refused("not_found"):
        batch.commit()
    assert docs.get(f"{users}/a") is not None


def test_a_transaction_begins_again_when_somebody_was_faster(docs: Docs, users: str) -> None:
    path = f"{users}/count"
    docs.set(path, {"n": 0})
    runs: list[int] = []

    def add(transaction: Transaction) -> int:
        doc = transaction.get(path)
        assert doc is not None
        if not runs:
            docs.update(path, {"n": 10})
        runs.append(doc["n"])
        transaction.set(path, {"n": doc["n"] + 1})
        return int(doc["n"]) + 1

    assert docs.transaction(add) == 11
    assert runs == [0, 10]
    with refused("conflict"):
        docs.transaction(
            lambda t: [t.get(path), docs.update(path, {"n": docs.increment()})], attempts=2
        )


def test_many_at_once_lose_nothing(docs: Docs, users: str) -> None:
    path = f"{users}/count"
    docs.set(path, {"n": 0})

    def add(transaction: Transaction) -> None:
        doc = transaction.get(path)
        assert doc is not None
        transaction.set(path, {"n": doc["n"] + 1})

    def run() -> None:
        for _ in range(5):
            docs.transaction(add, attempts=100)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    doc = docs.get(path)
    assert doc is not None
    assert doc["n"] == 20


def test_queries(docs: Docs, users: str) -> None:
    people = {"ann": (30, "Ulm"), "bob": (20, "Bonn"), "eve": (40, "Ulm"), "zoe": (None, "Kiel")}
    with docs.batch() as batch:
        for id, (age, city) in people.items():
            batch.set(f"{users}/{id}", {"age": age, "home": {"city": city}, "tags": [city, 1]})

    def ids(query: Any) -> list[str]:
        return [doc.id for doc in query]

    query = docs.query(users)
    assert ids(query) == ["ann", "bob", "eve", "zoe"]
    assert ids(query.where("age", ">", 20)) == ["ann", "eve"]
    assert ids(query.where("age", ">=", 20).order_by("-age")) == ["eve", "ann", "bob"]
    assert ids(query.order_by("home.city", "-age")) == ["bob", "zoe", "eve", "ann"]
    assert ids(query.where("home.city", "==", "Ulm").limit(1)) == ["ann"]
    assert ids(query.where("home.city", "in", ["Bonn", "Kiel"])) == ["bob", "zoe"]
    assert ids(query.where("home.city", "starts with", "U").where("age", "!=", 30)) == ["eve"]
    assert ids(query.where("tags", "contains", "Kiel")) == ["zoe"]
    assert ids(query.where("none", "exists", False).where("age", "==", None)) == ["zoe"]
    assert ids(query.where_any(("age", "<", 25), ("home.city", "==", "Kiel"))) == ["bob", "zoe"]
    assert query.where("age", ">", 20).count() == 2
    selected = query.select("home.city").first()
    assert selected is not None
    assert selected.data == {"home": {"city": "Ulm"}}
    page = query.limit(3).page()
    assert [doc.id for doc in page] == ["ann", "bob", "eve"]
    assert ids(query.after(page.after)) == ["zoe"]
    with refused("invalid"):
        query.where("age", "=~", 1).page()


def test_groups_and_collections(docs: Docs, users: str) -> None:
    orders = f"orders-{users}"
    docs.set(f"{users}/1/{orders}/7", {"n": 7})
    docs.set(f"{users}/2/{orders}/5", {"n": 5})
    assert [doc.path for doc in docs.group(orders)] == [
        f"{users}/1/{orders}/7",
        f"{users}/2/{orders}/5",
    ]
    assert [doc["n"] for doc in docs.group(orders).where("n", ">", 0)] == [5, 7]
    assert docs.collections(f"{users}/1") == [f"{users}/1/{orders}"]
    assert orders not in docs.collections()


def test_time_to_live(docs: Docs, users: str) -> None:
    added = docs.add(users, {}, ttl=1000)
    assert added.expires_at == pytest.approx(added.created_at + 1000, abs=10)
    docs.update(f"{users}/{added.id}", {"x": 1})
    assert docs.query(users).all()[0].expires_at == added.expires_at
    docs.update(f"{users}/{added.id}", {"x": 1}, ttl=0)
    assert docs.query(users).all()[0].expires_at == 0.0


@pytest.mark.parametrize("path", ["users", "", "users//1", "a/b/c"])
def test_what_is_no_path_is_refused(docs: Docs, path: str) -> None:
    with refused("invalid"):
        docs.set(path, {})


@pytest.mark.parametrize(
    "data", [{"$a": 1}, {"a": {"$what": 1}}, {"a": {"": 1}}, {"a": "x" * (1 << 20)}]
)
def test_what_is_no_document_is_refused(docs: Docs, users: str, data: dict[str, Any]) -> None:
    with pytest.raises(ServiceError) as error:
        docs.set(f"{users}/1", data)
    assert error.value.code in {"invalid", "too_large"}
    assert docs.get(f"{users}/1") is None
