"""Deploys an example to a real platform, and gives a client that visits its host."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.functional.running import Platform
from tests.functional.smtp import Receiver

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"

Deployed = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> Iterator[Deployed]:
    """Give the function that deploys an example by its name."""
    clients: list[httpx.Client] = []

    def deploy(name: str) -> httpx.Client:
        platform.deploy(EXAMPLES / name, name)
        host = {"host": f"{name}.localhost:{platform.port}"}
        clients.append(httpx.Client(base_url=platform.url, headers=host, timeout=60.0))
        return clients[-1]

    yield deploy
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A real SMTP server for the tests of one file."""
    with Receiver() as running:
        yield running
