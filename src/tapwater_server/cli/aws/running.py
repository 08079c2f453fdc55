"""Runs the tools that pack a project: to their end, for so long, and what they say is kept."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from tapwater_server.cli.failures import CommandFailed

RUN_S_MAX = 900.0  # Large wheels on a slow line.
_OUTPUT_CHARS_MAX = 4_000


def find_uv() -> str:
    """Say where uv is; it comes with us."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv") or "uv"


def run(
    command: Sequence[str], *, folder: Path, name: str, environment: Mapping[str, str] | None = None
) -> CompletedProcess[str]:
    """Run a tool that asks nothing; how it ended is for the caller to judge.

    Raises:
        CommandFailed: it has not ended in time. ``name``: what it is called then.
    """
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=RUN_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{name} was ended after {RUN_S_MAX:.0f} s") from error


def last_words(done: CompletedProcess[str]) -> str:
    """Give the end of what a tool said of its failure."""
    return (done.stderr or done.stdout).strip()[-_OUTPUT_CHARS_MAX:]
