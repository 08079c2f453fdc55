"""Patterns of ignore files, read as git reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.cli.ignoring import DEFAULTS, SECRETS, Ignore, is_ignored


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("*.log", "a.log", True),
        ("*.log", "deep/er/a.log", True),
        ("*.log", "a.log.txt", False),
        ("/a.log", "deep/a.log", False),
        ("/a.log", "a.log", True),
        ("doc/*.txt", "doc/a.txt", True),
        ("doc/*.txt", "doc/sub/a.txt", False),
        ("doc/*.txt", "sub/doc/a.txt", False),
        ("**/cache", "a/b/cache", True),
        ("**/cache", "cache", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**", "a/x/y", True),
        ("a/**", "a", False),
        ("?.py", "a.py", True),
        ("?.py", "ab.py", False),
        ("[a-c].py", "b.py", True),
        ("[!a-c].py", "b.py", False),
        ("[!a-c].py", "z.py", True),
        ("[id].py", "[id].py", False),
        (r"\[id\].py", "[id].py", True),
        (r"\#odd", "#odd", True),
        (r"\!odd", "!odd", True),
        ("# a remark", "# a remark", False),
        ("trailing  ", "trailing", True),
        ("a.b", "aXb", False),
        ("[", "[", True),
    ],
)
def test_patterns(pattern: str, path: str, ignored: bool) -> None:
    assert is_ignored(path, folder=False, ignores=[Ignore.read(pattern)]) is ignored


def test_folders_only() -> None:
    rules = [Ignore.read("build/")]
    assert is_ignored("x/build", folder=True, ignores=rules)
    assert not is_ignored("x/build", folder=False, ignores=rules)


def test_the_last_word_counts() -> None:
    rules = [Ignore.read("*.txt\n!kept.txt"), Ignore.read("kept.txt", base="lib/")]
    assert not is_ignored("kept.txt", folder=False, ignores=rules)
    assert is_ignored("lib/kept.txt", folder=False, ignores=rules)
    assert is_ignored("lib/deep/kept.txt", folder=False, ignores=rules)


def test_a_file_of_a_folder_speaks_of_that_folder_only() -> None:
    rules = [Ignore.read("/x", base="lib/")]
    assert is_ignored("lib/x", folder=False, ignores=rules)
    assert not is_ignored("x", folder=False, ignores=rules)


def test_what_we_leave_out_ourselves() -> None:
    rules = [Ignore.read(DEFAULTS)]
    assert is_ignored("a/__pycache__", folder=True, ignores=rules)
    assert is_ignored("a/b.pyc", folder=False, ignores=rules)
    assert not is_ignored("restful/[id].py", folder=False, ignores=rules)
    secrets = [Ignore.read(SECRETS)]
    assert is_ignored(".env.local", folder=False, ignores=secrets)
    assert not is_ignored(".env.example", folder=False, ignores=secrets)


@given(pattern=st.text(max_size=40), path=st.text(min_size=1, max_size=40))
def test_no_text_is_too_odd(pattern: str, path: str) -> None:
    assert is_ignored(path, folder=False, ignores=[Ignore.read(pattern)]) in (True, False)


@given(st.from_regex(r"[a-z0-9_.-]{1,12}(/[a-z0-9_.-]{1,12}){0,3}", fullmatch=True))
def test_a_plain_path_ignores_itself(path: str) -> None:
    assert is_ignored(path, folder=False, ignores=[Ignore.read(f"/{path}")])
