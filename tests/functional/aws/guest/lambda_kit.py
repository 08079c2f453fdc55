"""A Lambda function in the real sandbox, without a platform around it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapwater.runtime import wire
from tapwater_server.ports.sandbox import Sandbox, Zygote
from tests.sandbox_kit import ANSWER_S_MAX, Talk, image, limits

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:thumbs"
REQUEST = "8f5070c2-0000-4000-8000-000000000001"


@dataclass
class Said:
    """How a call of a Lambda function ended."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    failed: dict[str, Any] | None = None  # it ended as no answer does
    gone: bool = False

    @property
    def value(self) -> Any:
        return json.loads(self.body)

    @property
    def log(self) -> str:
        return "\n".join(self.logs)


class LambdaTalk(Talk):
    """The platform's side of one instance of a Lambda function. ``leaves``: it reads no answer to
    its end, but goes when that has begun.
    """

    leaves = False

    async def invoke(
        self, event: Any = None, *, timeout_s: float = 0.0, raw: bytes | None = None, **more: str
    ) -> Said:
        """Call with an event; ``more``: further headers, ``trace="Root=…"``."""
        self._calls += 1
        headers = {"request-id": REQUEST, "arn": ARN, **more}
        invoke = wire.Invoke(
            verb=wire.Verb.EVENT, more=False, timeout_s=timeout_s, depth=0, id=b"inv_1",
            method=b"POST", path=b"/", root_path=b"", query=b"", scheme=b"http", client=b"",
            params=b"", user=b"", trace=b"",
            headers=[
                (f"lambda-{name.replace('_', '-')}".encode(), value.encode())
                for name, value in headers.items()
            ],
            body=json.dumps(event).encode() if raw is None else raw,
        )  # fmt: skip
        await self.send(wire.pack_invoke(self._calls, invoke))
        async with asyncio.timeout(ANSWER_S_MAX):
            return await self._hear(self._calls, Said())

    async def cancel(self, reason: bytes = b"the deadline has passed") -> None:
        """Tell it that the running call is not wanted any more."""
        await self.send(wire.pack(wire.Kind.CANCEL, self._calls, reason))

    async def _hear(self, call: int, said: Said) -> Said:
        while True:
            data = await self.receive()
            if not data:
                said.gone = True
                return said
            for frame in self._decoder.feed(data):
                if await self._take(frame, call, said):
                    return said

    async def _take(self, frame: wire.Frame, call: int, said: Said) -> bool:
        """Take in a frame; say whether the call is over."""
        kind, number, payload = frame
        if kind == wire.Kind.LOG:
            said.logs.append(payload[1:].decode(errors="replace"))
        if number != call:
            return False
        if kind == wire.Kind.RESULT:
            said.status, more, headers, said.body = wire.read_result(payload)
            said.headers = {name.decode(): value.decode() for name, value in headers}
            return not more
        if kind == wire.Kind.BODY:
            piece, _ = wire.read_body(payload)
            said.pieces += [piece] if piece else []
            said.body += piece
            if self.leaves:
                await self.cancel(b"the caller has gone")
                self.leaves = False
            await self.send(wire.pack_window(call, len(piece)))
        if kind == wire.Kind.FAIL:
            said.failed = json.loads(payload)
        return kind in (wire.Kind.FAIL, wire.Kind.DONE)


def foreign(
    runtime: str = "python3.12", handler: str = "app.handler", **more: Any
) -> dict[str, Any]:
    """Say what the platform says of a function."""
    return {
        "cloud": "aws",
        "runtime": runtime,
        "handler": handler,
        "name": "thumbs",
        "version": "7",
        "arn": ARN,
        "account": "123456789012",
        "region": "eu-central-1",
        "memory_mb": 256,
        "timeout_s": 3,
        "log_group": "/aws/lambda/thumbs",
        "log_stream": "2026/11/21/[7]0123456789abcdef0123456789abcdef",
        "init": "on-demand",
        **more,
    }


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write a function's folder where any user may read it; what is named bootstrap may be run."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if path.name == "bootstrap" or path.parent.name in ("extensions", "bin"):
            path.chmod(0o755)
    return folder


@asynccontextmanager
async def opened(
    sandbox: Sandbox,
    folder: Path,
    files: Mapping[str, str | bytes],
    told: Mapping[str, Any],
    *,
    layer: Mapping[str, str | bytes] | None = None,
    **more: Any,
) -> AsyncIterator[Zygote]:
    """Give the zygote of a function; ``more`` goes into its image."""
    code = write_files(folder / "code", files)
    beside = str(write_files(folder / "layer", layer)) if layer is not None else ""
    made = image(code, module="", layer=beside, foreign=told, **{"limits": limits(), **more})
    zygote = await sandbox.open(made)
    try:
        yield zygote
    finally:
        await zygote.close()


@asynccontextmanager
async def instance(zygote: Zygote, **more: Any) -> AsyncIterator[LambdaTalk]:
    """Give an instance of it; it is ended."""
    talk = LambdaTalk(await zygote.fork(limits(**more)))
    try:
        yield talk
    finally:
        await talk.end()
