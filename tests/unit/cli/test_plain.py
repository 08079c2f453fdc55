"""What strangers wrote is shown on a terminal, and not obeyed by it."""

import pytest

from tapwater_server.cli.showing import plain


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\rb", "\x08", "\u202ecod.exe", "\u2028x"]
)
def test_nothing_in_it_moves_the_cursor_or_turns_words_round(text: str) -> None:
    assert not set(plain(text)) & set("\x1b\x07\x9b\r\x08\u202e\u2028")


def test_a_line_within_a_line_cannot_pass_for_one_of_ours() -> None:
    forged = "done\n12:00:00.000 other error all is lost"
    assert plain(forged, indent="    ").splitlines()[1].startswith("    12:00")
    assert plain("kept\tas it is, ünïcode 🚰") == "kept\tas it is, ünïcode 🚰"
