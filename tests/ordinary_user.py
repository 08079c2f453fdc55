"""Runs a file of tests once more as an ordinary user, for whom the kernel allows less."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.not_testable import CannotTest

ROOT = Path(__file__).parents[1]
ORDINARY_UID = 65534


def run_tests_as_ordinary(file: str, chosen: str, cannot_test: CannotTest) -> None:
    """Run the tests of ``file`` whose names hold ``chosen``; says so where it cannot."""
    python = _ordinary_python()
    if python is None:
        cannot_test("no interpreter here can be run, with this folder, by an ordinary user")
    done = run_as_ordinary(
        python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, file
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def run_as_ordinary(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        env=_ordinary_environment(),
        user=ORDINARY_UID,
        group=ORDINARY_UID,
        extra_groups=[],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def _ordinary_python() -> str | None:
    """Find an interpreter of our version that every user may run."""
    version = sysconfig.get_python_version()
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            done = run_as_ordinary(python, "-c", "import pytest, tapwater_server")
        except OSError:
            continue  # Not there, or in a folder closed to others.
        if done.returncode == 0:
            return python
    return None


def _ordinary_environment() -> dict[str, str]:
    places = [str(ROOT / "src"), str(ROOT), *(p for p in sys.path if "site-packages" in p)]
    return {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(places), "HOME": "/tmp"}
