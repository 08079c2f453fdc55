"""What a handler's ctx asks and understands."""

import pytest

from tapwater import CallFailed, HostRefused
from tapwater.runtime.context import read_called
from tapwater.testing import call
from tests.unit.tapwater.conftest import MakeModule


def test_answers_of_called_functions() -> None:
    assert read_called("a/b", {"ending": "ok", "status": 200, "body": [1]}) == [1]
    assert read_called("a/b", {"ending": "ok", "status": 204, "body": ""}) is None
    for answer in (
        {"ending": "ok", "status": 404, "body": {"code": "not_found"}},
        {"ending": "timed_out", "status": 0, "body": "", "message": "too slow"},
    ):
        with pytest.raises(CallFailed) as caught:
            read_called("a/b", answer)
        assert caught.value.status == answer["status"]
        assert str(answer.get("message", "")) in str(caught.value)


@pytest.mark.parametrize("define", ["def", "async def"])
def test_refusal_can_be_caught(make_module: MakeModule, define: str) -> None:
    wait = "await " if define.startswith("async") else ""
    module = make_module(
        f"""
from tapwater import HostRefused
{define} get(ctx):
    try:
        return {wait}ctx.call("orders/nowhere")
    except HostRefused as refused:
        return str(refused)
"""
    )
    assert "nowhere" in call(module).text
    assert issubclass(HostRefused, Exception)
