"""tapwater.Client and the environment, over HTTP against a real platform."""

import threading
from collections.abc import Iterator

import pytest

import tapwater
from tapwater.services.http_transport import HttpTransport
from tapwater.services.transport import Request, ServiceError
from tests.functional.running import Platform

FILES = {"a/restful/plain.py": "def get():\n    return 1\n"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("clients") / "data") as running:
        running.deploy(FILES, "shop")
        yield running


def client_of(shop: Platform, **how: str) -> tapwater.Client:
    return tapwater.Client(shop.url, **{"token": shop.token, "app": "shop", **how})  # type: ignore[arg-type]


def test_a_client_speaks_to_one_app(shop: Platform) -> None:
    client = client_of(shop)
    client.docs.set("users/1", {"name": "Ada"})
    found = client_of(shop, app="").docs.get("users/1")  # The default app's own host.
    assert found is not None
    assert found.data == {"name": "Ada"}
    with pytest.raises(ServiceError, match="there is no app blog") as refused:
        client_of(shop, app="blog").docs.set("users/1", {})
    assert (refused.value.status, refused.value.code) == (404, "not_found")
    with pytest.raises(ServiceError) as refused:
        client_of(shop, token="tap_wrong").docs.set("users/1", {})
    assert refused.value.code == "unauthenticated"


def test_the_environment_is_a_client_too(shop: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPWATER_URL", shop.url)
    monkeypatch.setenv("TAPWATER_TOKEN", shop.token)
    monkeypatch.setenv("TAPWATER_APP", "shop")
    tapwater.docs.set("env/1", {"n": 1})
    found = tapwater.docs.get("env/1")
    assert found is not None
    assert found.data == {"n": 1}


def test_each_thread_keeps_a_connection(shop: Platform) -> None:
    client = client_of(shop)

    def connections() -> int:
        total: int = shop.api("GET", "/top").json()["gateway"]["connections_total"]
        return total

    def ask() -> None:
        for _ in range(20):
            client.docs.get("users/1")

    before = connections()
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert connections() - before <= 4


@pytest.mark.slow
def test_a_connection_that_was_closed_meanwhile_is_made_anew(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Platform(tmp_path_factory.mktemp("again") / "data") as own:
        own.deploy(FILES, "shop")
        client = client_of(own)
        first = client.docs.add("notes", {"n": 1})
        port = own.port
        own.stop()
        with pytest.raises(ServiceError, match="cannot be reached"):
            client.docs.add("notes", {"n": 2})
        own.start(port=port)
        client.docs.add("notes", {"n": 3})  # A POST: no trying twice, a new connection at once.
        own.stop()
        own.start(port=port)
        client.docs.add("notes", {"n": 4})
        found = client.docs.get(first.path)
        assert found is not None
        assert sorted(doc.data["n"] for doc in client.docs.query("notes")) == [1, 3, 4]


def test_what_comes_back_is_as_it_was_sent(shop: Platform) -> None:
    transport = HttpTransport(shop.url, token=shop.token, app="shop")
    reply = transport.send(Request(method="GET", path="/docs/users/1"))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    with pytest.raises(ServiceError) as refused:
        transport.send(Request(method="PATCH", path="/queues"))
    assert (refused.value.status, refused.value.code) == (405, "method_not_allowed")
    transport.close()
