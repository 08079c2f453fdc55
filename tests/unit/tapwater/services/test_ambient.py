"""Which way a function's questions take, and the services by their names."""

import asyncio
import os
import subprocess
import sys

import pytest

import tapwater
from tapwater.services.ambient import Ambient, current, use
from tapwater.services.http_transport import HttpTransport
from tapwater.services.names import NAMES
from tapwater.services.transport import Reply, Request, ServiceError
from tapwater.testing import FakeServices, fake_services
from tapwater.testing.services import FAKES

ASK = Request(method="GET", path="/x")


class Echo:
    """Answers with its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def send(self, request: Request) -> Reply:
        return Reply(status=200, body=self._name.encode())


@pytest.fixture(autouse=True)
def no_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "TOKEN", "APP"):
        monkeypatch.delenv(f"TAPWATER_{name}", raising=False)


def test_what_is_given_answers_here_and_in_what_is_started() -> None:
    with use(Echo("outer")):
        with use(Echo("inner")):
            assert Ambient().send(ASK).body == b"inner"

            async def both() -> list[bytes]:
                there = await asyncio.to_thread(Ambient().send, ASK)
                return [Ambient().send(ASK).body, there.body]

            assert asyncio.run(both()) == [b"inner", b"inner"]
        assert Ambient().send(ASK).body == b"outer"


def test_without_anything_it_is_said_what_to_do() -> None:
    with pytest.raises(ServiceError, match="TAPWATER_URL") as lost:
        Ambient().send(ASK)
    assert lost.value.code == "no_platform"


def test_the_environment_names_a_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPWATER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TAPWATER_APP", "shop")
    found = current()
    assert isinstance(found, HttpTransport)
    assert current() is found
    monkeypatch.setenv("TAPWATER_APP", "blog")
    assert current() is not found
    with pytest.raises(ServiceError, match="cannot be reached") as lost:
        found.send(ASK)
    assert lost.value.code == "unreachable"


def test_the_services_have_their_names() -> None:
    for name in NAMES:
        assert type(getattr(tapwater, name)).__name__ == NAMES[name].partition(":")[2]
        assert getattr(tapwater.Client("http://a"), name) is not getattr(tapwater, name)
        assert name in dir(tapwater)
    with pytest.raises(AttributeError, match="nothing"):
        tapwater.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="nothing"):
        tapwater.Client("http://a").nothing  # noqa: B018


def test_functions_that_use_none_load_none() -> None:
    script = "import sys, tapwater; print([m for m in sys.modules if 'tapwater.services' in m])"
    said = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "[]"


def test_fakes_stand_in_for_all_services() -> None:
    with fake_services() as services:
        tapwater.docs.set("users/1", {"name": "Ada"})
        found = tapwater.docs.get("users/1")
        assert found is not None
        assert found.data == {"name": "Ada"}
        assert services.docs is services.find("docs-query")
        with pytest.raises(ServiceError) as lost:
            Ambient().send(Request(method="GET", path="/nothing/x"))
        assert lost.value.status == 404
    with fake_services():
        assert tapwater.docs.get("users/1") is None


def test_each_service_has_its_fake() -> None:
    services = FakeServices()
    for name in FAKES:
        assert f"/{name}" in services.find(name).prefixes
    assert set(NAMES) <= set(FAKES)


def test_a_fake_may_be_given() -> None:
    class Mine:
        prefixes = ("/docs", "/blobs")

        def send(self, request: Request) -> Reply:
            return Reply(status=200, body=request.path.encode())

    services = FakeServices(mine=Mine())
    assert services.send(Request(method="GET", path="/blobs/a")).body == b"/blobs/a"
    assert services.docs is services.blobs


@pytest.mark.parametrize("url", ["", "shop.example", "ftp://shop.example", "http://"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no URL"):
        tapwater.Client(url)
