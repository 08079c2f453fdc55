"""Guests for these tests, ended with them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.guest.host import Host

MakeHost = Callable[..., Host]


@pytest.fixture
def make_host(tmp_path: Path) -> Iterator[MakeHost]:
    """Fork a guest for a module's source."""
    hosts: list[Host] = []

    def make(source: str, **more: Any) -> Host:
        hosts.append(Host(tmp_path, source, **more))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()
