"""`tapwater logs -f` goes on when the platform was started again: each line comes once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.functional.running import REPOSITORY, Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

APP = {"restful/says.py": "def get(n: int):\n    print('said', n)\n    return 'x'\n"}


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_following_survives_a_restart(tmp_path: Path, end: str) -> None:
    shown, told = tmp_path / "shown", tmp_path / "told"
    with Platform(tmp_path / "data") as platform:
        platform.deploy(APP, "shop")
        port = platform.port
        command = [sys.executable, "-m", "tapwater_server", "logs", "-f", "--app", "shop", "--json"]
        environment = {
            "PATH": os.environ["PATH"],
            "TAPWATER_DATA": str(platform.data),
            "TAPWATER_URL": platform.url,
            "PYTHONPATH": str(REPOSITORY / "src"),
        }
        with shown.open("wb") as out, told.open("wb") as err:
            following = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        try:
            platform.get("/says?n=1")
            until(lambda: len(lines(shown)) == 1, "the first line is shown")
            getattr(platform, end)()
            until(lambda: "waiting for it" in told.read_text(), "it says that it waits")
            platform.start(port=port)
            for n in (2, 3):
                platform.get(f"/says?n={n}")
            until(lambda: len(lines(shown)) >= 3, "the later lines are shown")
        finally:
            following.terminate()
            following.wait(20)
    assert [line["text"] for line in lines(shown)] == ["said 1", "said 2", "said 3"]


def test_who_follows_is_heard_before_there_is_anything_to_say(tmp_path: Path) -> None:
    with Platform(tmp_path / "data") as platform:
        bearer = {"authorization": f"Bearer {platform.token}"}
        url = f"{platform.url}/_/api/v1/logs?follow=true"
        with platform.http.stream("GET", url, headers=bearer, timeout=10) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/x-ndjson"
