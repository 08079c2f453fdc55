"""What zygotes tell of while they are opened."""

from typing import Any

import pytest

from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.meter import LogLine
from tapwater_server.ports.sandbox import Image
from tapwater_server.testing.clock import ManualClock
from tapwater_server.testing.guests import ScriptedSandbox


def nothing(*_: Any) -> None:
    """No guest of these says anything."""


@pytest.mark.parametrize("printed", ["", "one\ntwo"])
async def test_what_a_module_prints_when_imported_is_a_line_of_the_function(printed: str) -> None:
    lines: list[LogLine] = []
    sandbox = ScriptedSandbox(nothing)
    sandbox.printed = printed
    image = Image(
        function="shop:users/hi",
        code="",
        layer="",
        python="",
        module="users/restful/hi.py",
        limits=FunctionLimits(),
    )
    zygotes = Zygotes(
        sandbox=sandbox, image_of=lambda *_: image, clock=ManualClock(), logs=lines.append
    )
    await zygotes.prepare(image)
    assert [line.text for line in lines] == printed.splitlines()
    assert all((line.app, line.function) == ("shop", "users/hi") for line in lines)
    assert all(line.stream == "import" and not line.invocation for line in lines)
    await zygotes.close()
