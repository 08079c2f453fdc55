"""An app with an error in it, and the command line beside a real platform."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.functional.running import REPOSITORY, Platform

TOTAL = """from tapwater import docs


def post(body: dict):
    order = body["id"]
    docs.set(f"orders/{order}", {"items": body["items"]})
    average = share(body["sum"], body["items"])
    return {"order": order, "average": average}


def share(whole, parts):
    return whole / parts
"""
FIXED = TOTAL.replace("whole / parts", "whole / parts if parts else 0")
APP: Mapping[str, str] = {
    "orders/restful/total.py": TOTAL,
    "orders/restful/waits.py": (
        "import asyncio\n\n\n"
        "async def get(n: int = 0):\n"
        "    await asyncio.sleep(0.001)\n"
        "    return {'each': 10 / n}\n"
    ),
    "orders/restful/key.py": (
        "def get(ctx):\n"
        "    key = ctx.secret('STRIPE')\n"
        "    raise ValueError(f'no luck with {key}')\n"
    ),
    "orders/restful/quiet.py": (
        "from tapwater import options\n\n"
        "options(record='none')\n\n\n"
        "def get():\n"
        "    raise ValueError('nobody hears')\n"
    ),
    "orders/restful/calls.py": (
        "def post(ctx, body: dict):\n"
        "    found = ctx.call('orders/waits', method='GET', query={'n': body['n']})\n"
        "    raise ValueError(found['each'])\n"
    ),
    "orders/reactive/made.py": (
        "from tapwater import on\n\n\n"
        "@on.document_created('orders/{id}')\n"
        "def made(event):\n"
        "    return None\n"
    ),
}


def write(folder: Path, files: Mapping[str, str] = APP) -> Path:
    """Make a working copy."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def environment(platform: Platform) -> dict[str, str]:
    keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **keep,
        "HOME": str(platform.data),
        "PYTHONPATH": str(REPOSITORY / "src"),
        "TAPWATER_URL": platform.url,
        "TAPWATER_TOKEN": platform.token,
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tapwater_server", *arguments]


def tap(
    platform: Platform, folder: Path, *arguments: str, input: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command in a working copy."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(platform),
        input=input,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def failed(platform: Platform, path: str = "/orders-api/total", **options: object) -> str:
    """Make a call that fails; give its id."""
    method = "POST" if "json" in options else "GET"
    answer = platform.http.request(method, platform.url + path, **options)  # type: ignore[arg-type]
    assert answer.status_code == 500, answer.text
    return answer.headers["tapwater-invocation"]
