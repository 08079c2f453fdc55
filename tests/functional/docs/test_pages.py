"""Every command that a page marks to be run is run, page by page, on a real platform."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs_blocks import Act, read_blocks
from tests.functional.docs.reader import Reader
from tests.functional.running import REPOSITORY, Platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def pages() -> list[Path]:
    found = [
        *sorted(REPOSITORY.glob("*.md")),
        *sorted((REPOSITORY / "docs").rglob("*.md")),
        *sorted((REPOSITORY / "examples").glob("*/*.md")),  # Not what a platform keeps there.
    ]
    return [page for page in found if read_blocks(page.read_text())]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_the_commands_of_a_page_do_what_it_says(
    page: Path, tmp_path: Path, stack: ExitStack
) -> None:
    blocks = read_blocks(page.read_text())
    needs = any(block.act is Act.RUN for block in blocks)
    starts = any(block.act is Act.BACKGROUND for block in blocks)
    platform = stack.enter_context(Platform(tmp_path / "data")) if needs and not starts else None
    reader = stack.enter_context(Reader(tmp_path / "reader", platform=platform))
    for block in blocks:
        reader.follow(block)
