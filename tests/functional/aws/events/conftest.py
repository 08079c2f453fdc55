"""One function for all of these tests."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.aws.events.kit import House
from tests.functional.running import Platform


@pytest.fixture(scope="session")
def house(aws: Platform, client: Callable[..., Any]) -> House:
    """A house whose function is there."""
    made = House(aws, client, "events")
    made.make_function()
    return made
