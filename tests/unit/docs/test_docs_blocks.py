"""Which blocks of a page are run, and which answers fit."""

import pytest

from tests.docs_blocks import Act, Block, fits, read_blocks, read_commands, unmarked

PAGE = """\
# A tour

<!-- file: hello.py -->
```python
def get(): return "hi"
```

<!-- run -->
```console
$ tapwater deploy \\
    hello.py
deployed in … ms
$ curl localhost:8080
hi
```

```sh
rm -rf /
```
"""


def test_only_marked_blocks_are_found() -> None:
    file, console = read_blocks(PAGE)
    assert (file.file, file.kind, file.line) == ("hello.py", "python", 3)
    assert (console.file, console.kind) == ("", "console")


def test_commands_and_what_they_answer() -> None:
    commands = read_commands(read_blocks(PAGE)[1])
    assert commands[0].text == "tapwater deploy \\\n    hello.py"
    assert commands[0].expected == "deployed in … ms"
    assert commands[1].expected == "hi"


def test_a_block_of_another_kind_is_not_run() -> None:
    with pytest.raises(ValueError, match="not 'python'"):
        read_commands(Block(line=1, kind="python", text="1"))


def test_a_console_block_begins_with_a_command() -> None:
    with pytest.raises(ValueError, match="begins with a command"):
        read_commands(Block(line=1, kind="console", text="hi\n$ echo hi\n"))


@pytest.mark.parametrize(
    ("expected", "actual", "fine"),
    [
        ("a", "a\n", True),
        ("a … c", "a b c", True),
        ("a … c", "a b d", False),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…", "a\nb\nc", True),
        ("…\nc", "a\nb\nc", True),
        ("…", "", True),
        ("a.c", "abc", False),
        ("", "more", False),
    ],
)
def test_answers(expected: str, actual: str, fine: bool) -> None:
    assert fits(expected, actual) is fine


def test_what_a_mark_asks_for() -> None:
    page = (
        "<!-- background -->\n```console\n$ tapwater dev\n```\n"
        "<!-- background says -->\n```text\nlive\n```\n"
        "<!-- run: exit 3 -->\n```console\n$ tapwater ls\n```\n"
        "<!-- not run: it needs a printer -->\n```sh\nlpr x\n```\n"
    )
    acts = [(block.act, block.exit) for block in read_blocks(page)]
    assert acts == [(Act.BACKGROUND, 0), (Act.WAIT, 0), (Act.RUN, 3)]
    assert unmarked(page) == []


@pytest.mark.parametrize(
    "page",
    [
        "```sh\ntrue\n```\n",
        "<!-- not run:  -->\n```console\n$ true\n```\n",
        "Type\n\n    tapwater deploy\n",
    ],
)
def test_a_command_that_nobody_runs_needs_a_reason(page: str) -> None:
    assert unmarked(page)
