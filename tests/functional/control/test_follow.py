"""Following logs: lines come as they are written, until the client goes away."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tapwater_server.ports.meter import LogLine
from tapwater_server.web.scope import DOOR
from tests.functional.control.rig import Rig, control_rig


def said(text: str) -> LogLine:
    return LogLine(
        at=1.0, app="shop", function="a", invocation="i", instance="x", level="info", text=text
    )


class Following:
    """A client that reads lines and may hang up."""

    def __init__(self, rig: Rig, query: str) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self._when_gone: list[Callable[[], object]] = []
        token = rig.client.headers["authorization"].encode()
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": "/_/api/v1/logs",
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"authorization", token)],
            "scheme": "http",
            "server": ("127.0.0.1", 8080),
            DOOR: {"on_gone": self._when_gone.append},
        }
        self.task = asyncio.create_task(self._run(rig))

    async def hang_up(self) -> None:
        for tell in self._when_gone:
            tell()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(self.task, 10)

    async def _run(self, rig: Rig) -> None:
        await rig.app(self._scope, self._receive, self._send)  # type: ignore[arg-type]

    async def _receive(self) -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: dict[str, object]) -> None:
        body = message.get("body")
        if isinstance(body, bytes) and body:
            self.lines.put_nowait(json.loads(body)["text"])


async def test_lines_come_as_they_are_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with control_rig(tmp_path) as rig:
        for n in range(3):
            rig.meter.log(said(f"before {n}"))
        client = Following(rig, "follow=true&limit=2")
        assert [await client.lines.get() for _ in range(2)] == ["before 1", "before 2"]
        for n in range(5):
            rig.meter.log(said(f"after {n}"))
        got = [await asyncio.wait_for(client.lines.get(), 10) for _ in range(5)]
        assert got == [f"after {n}" for n in range(5)]
        await client.hang_up()
    assert caplog.records == []  # To hang up is no fault.
