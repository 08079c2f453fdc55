"""Declared egress reaches its target from inside the sandbox; what was not declared does not."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.not_testable import CannotTest
from tests.ordinary_user import run_tests_as_ordinary
from tests.sandbox_kit import Talk, image, limits, linux_sandbox, write_code

_FUNCTION = """
import socket
def get(host: str, port: int):
    try:
        with socket.create_connection((host, port), timeout=5) as sock:
            return [sock.recv(100).decode()]
    except OSError as error:
        return [type(error).__name__]
"""


async def _greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"welcome")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(("declared", "seen"), [(True, "welcome"), (False, "ConnectionRefused")])
async def test_egress_of_a_function(tmp_path: Path, declared: bool, seen: str) -> None:
    server = await asyncio.start_server(_greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    egress = (f"localhost:{port}",) if declared else ("localhost:1",)
    async with server, linux_sandbox(tmp_path) as sandbox:
        zygote = await sandbox.open(image(write_code(tmp_path, _FUNCTION), egress=egress))
        talk = Talk(await zygote.fork(limits()))
        answer = await talk.call(query=f"host=localhost&port={port}")
        assert answer.value[0].startswith(seen)
        await talk.end()


async def test_egress_all_is_set_up(tmp_path: Path) -> None:
    async with linux_sandbox(tmp_path) as sandbox:
        zygote = await sandbox.open(image(write_code(tmp_path, _FUNCTION), egress=("all",)))
        talk = Talk(await zygote.fork(limits()))
        answer = await talk.call(query="host=no-such-name.invalid&port=80")
        assert answer.value == ["gaierror"]
        await talk.end()


@pytest.mark.slow
def test_whole_as_an_ordinary_user(cannot_test: CannotTest) -> None:
    if os.geteuid() == 0:
        run_tests_as_ordinary(__file__, "egress", cannot_test)
