"""A platform with something to see, and browsers that look at it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.functional.browser.conftest import launched
from tests.functional.dashboard import shop
from tests.functional.running import Platform


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with the app of ``shop.py``, its calls, errors, logs, traces and a budget."""
    data = tmp_path_factory.mktemp("seen") / "data"
    with Platform(data, settings={"TAPWATER_RECORD_PAYLOADS": "1"}) as running:
        shop.fill(running)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser | None]:
    """One browser for the tests of a file."""
    with launched() as found:
        yield found
