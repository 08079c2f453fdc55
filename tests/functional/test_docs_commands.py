"""Every command that the docs mark with `<!-- run -->` is run, page by page, on a real platform."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs_blocks import Block, fits, read_blocks, read_commands
from tests.functional.running import REPOSITORY, Platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WRITTEN_PORT = "localhost:8080"  # As the docs write it; here it is another one.
COMMAND_S_MAX = 120.0


def pages() -> list[Path]:
    found = [
        *sorted(REPOSITORY.glob("*.md")),
        *sorted((REPOSITORY / "docs").rglob("*.md")),
        *sorted((REPOSITORY / "examples").rglob("*.md")),
    ]
    return [page for page in found if read_blocks(page.read_text())]


@pytest.fixture
def page_platform(tmp_path: Path) -> Iterator[Platform]:
    with Platform(tmp_path / "data") as running:
        yield running


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_the_commands_of_a_page_do_what_it_says(
    page: Path, page_platform: Platform, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    for block in read_blocks(page.read_text()):
        if block.file:
            file = folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
        else:
            run_block(block, page_platform, folder)


def run_block(block: Block, platform: Platform, folder: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TAPWATER_URL": platform.url,
        "TAPWATER_TOKEN": platform.token,
        "COLUMNS": "100",
    }
    for command in read_commands(block):
        text = command.text.replace(WRITTEN_PORT, f"localhost:{platform.port}")
        done = subprocess.run(
            ["sh", "-euc", text],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S_MAX,
        )
        said = done.stdout.replace(f":{platform.port}", ":8080")
        where = f"line {block.line}: {command.text}"
        assert done.returncode == 0, f"{where}\nended with {done.returncode}:\n{said}"
        if command.expected is not None:
            assert fits(command.expected, said), (
                f"{where}\nthe page says:\n{command.expected}\nit said:\n{said}"
            )
