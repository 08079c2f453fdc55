"""What the command line asks for, and how it says that this cannot be."""

import pytest

from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import CommandFailed, Exit


@pytest.mark.parametrize("name", ["..", ".", "a/../../b", "notes/\udcff"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        path_of("apps", "shop", "docs", name)
    assert failed.value.exit is Exit.USAGE


def test_dots_within_a_name_are_nothing_special() -> None:
    assert path_of("a..b", ".c") == "/_/api/v1/a..b/.c"


async def test_what_is_no_text_is_not_asked_for() -> None:
    async with Client(url="http://127.0.0.1:1", token=None) as client:
        with pytest.raises(CommandFailed, match="not UTF-8"):
            await client.get("/x", prefix="\udcff")
