"""Every test of the gateway runs on uvloop and on asyncio's own loop."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Say which loops there are."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
