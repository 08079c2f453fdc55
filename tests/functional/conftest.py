"""Platforms for tests: one shared by a module where tests leave each other alone, or one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.running import Platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that the tests of one file share."""
    with Platform(tmp_path_factory.mktemp("platform") / "data") as running:
        yield running


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform that a test may kill."""
    with Platform(tmp_path / "data") as running:
        yield running
