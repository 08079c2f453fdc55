"""Every test of the mount runs on uvloop and on asyncio's own loop, as the gateway's do."""

from tests.functional.gateway.conftest import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
