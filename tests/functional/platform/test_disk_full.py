"""The disk of the data directory is full: deploys are refused, calls go on, nothing is lost."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

DISK_BYTES = 24 << 20
HELLO = {
    "restful/index.py": (
        "import os\n\ndef get():\n    for _ in range(20):\n"
        "        print(os.urandom(6000).hex())\n    return 'hello'\n"
    )
}


@pytest.fixture
def small_disk(tmp_path: Path, cannot_test: CannotTest) -> Iterator[Path]:
    """A file system of its own, so small that we can fill it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        cannot_test("only root can mount a small disk to fill")
    options = f"size={DISK_BYTES},mode=700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tapwater-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        cannot_test(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):  # No space is left.
                while True:
                    file.write(bytes(size))
    assert shutil.disk_usage(folder).free == 0
    return ballast


def test_a_full_disk_refuses_deploys_and_serves_on(small_disk: Path) -> None:
    with Platform(small_disk / "data") as platform:
        platform.deploy(HELLO, "app")
        assert platform.get("/").text == "hello"
        written = platform.records()
        ballast = fill(small_disk)

        larger: dict[str, str | bytes] = {**HELLO, "noise.bin": os.urandom(1 << 20)}
        before = platform.api("GET", "/apps/app").json()
        refused = platform.try_deploy(larger, "app")
        assert "disk is full" in str(refused["problem"])
        assert platform.api("GET", "/apps/app").json() == before
        assert [platform.get("/").text for _ in range(50)] == ["hello"] * 50

        meter = platform.api("GET", "/top").json()["meter"]
        assert platform.records(limit="100") != []  # Those that were written are still read.
        assert (meter["waiting"] > 0, meter["dropped"]) == (True, 0)
        ballast.unlink()
        until(lambda: len(platform.records(limit="100")) == 51, "what waited is written down")
        assert platform.records(limit="100")[-1]["id"] == written[-1]["id"]
        assert platform.deploy(larger, "app")["number"] == 2
        assert platform.get("/").text == "hello"
