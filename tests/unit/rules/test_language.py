"""Patterns, rules and cases: what is understood, and what is refused with which words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.rules.expressions import BadRule, compile_rule
from tapwater_server.rules.patterns import read_pattern
from tapwater_server.rules.rulebook import read_rulebook
from tapwater_server.rules.trial import read_cases, try_case

NAMES = ("user", "old", "new", "now", "request", "id")


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("users/{id}", "users/7", {"id": "7"}),
        ("users/{id}", "users/7/notes", None),
        ("users/{id}", "users/", None),
        ("users/{id}", "users", None),
        ("users/*", "users/7", {}),
        ("a/{x}/b/{y}", "a/1/b/2", {"x": "1", "y": "2"}),
        ("avatars/**", "avatars/7/big.png", {}),
        ("avatars/**", "avatars", None),
        ("{all=**}", "a/b", {"all": "a/b"}),
        ("a/{rest=**}", "a/b/c", {"rest": "b/c"}),
    ],
)
def test_patterns_match(pattern: str, path: str, found: object) -> None:
    assert read_pattern(pattern).match(path) == found


@pytest.mark.parametrize(
    "text",
    ["", "/a", "a/", "a//b", "**/a", "{a=**}/b", "{1}/b", "a{b}", "{x}/{x}", "a/" * 40, "a*"],
)
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_pattern(text)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "1 to 2000 characters"),
        ("x" * 2001, "1 to 2000 characters"),
        ("user.id ==", "at character"),
        ("usr != null", "no variable 'usr'"),
        ("get('users/1')", "no function 'get'"),
        ("(" * 25 + "true" + ")" * 25, "brackets"),
        ("true ? " * 30 + "true", "question marks"),
        ("old.l.map(a, a.map(b, b.map(c, c)))", "too deep"),
        ("id.matches(old.pattern)", "in quotes"),
        ("id.matches('(')", "regex"),
        ('id == """a"""', "single quotes"),
    ],
)
def test_what_is_no_rule(rule: str, says: str) -> None:
    with pytest.raises(BadRule, match=says):
        compile_rule(rule, names=NAMES)


@given(st.text(max_size=200))
def test_any_text_is_a_rule_or_a_bad_rule(text: str) -> None:
    try:
        expression = compile_rule(text, names=NAMES)
    except BadRule:
        return
    assert expression.holds({}) in (True, False)


def test_all_that_is_wrong_is_named() -> None:
    _, problems = read_rulebook(
        {
            "docs": {
                "users/{user}": {"read": "true"},
                "a/{id}": {"raed": "true", "write": 7, "list": "'x'"},
                "b/{id}": {},
            },
            "queues": {},
        }
    )
    said = [problem["what"] for problem in problems]
    assert [text.partition(":")[0] for text in said] == [
        'docs."users/{user}"',
        'docs."a/{id}".raed',
        'docs."a/{id}".write',
        'docs."a/{id}".list',
        'docs."b/{id}"',
        "queues",
    ]


def test_cases_say_why() -> None:
    book, _ = read_rulebook({"docs": {"users/{id}": {"read": "user.id == id"}}})
    cases, problems = read_cases(
        {
            "case": [
                {"action": "read", "path": "users/7", "who": {"id": "7"}, "expect": "allow"},
                {"action": "read", "path": "users/7", "expect": "allow"},
                {"action": "delete", "path": "users/7", "expect": "deny"},
                {"action": "read", "path": "else/7", "expect": "deny"},
            ]
        },
        now=0.0,
    )
    assert problems == []
    tried = [try_case(case, book) for case in cases]
    assert [one.passed for one in tried] == [True, False, True, True]
    assert "users/{id}: user.id == id: " in tried[1].reasons[0]
    assert tried[2].reasons == ("users/{id}: says nothing of delete",)
    assert tried[3].reasons == ("no rule is about this path",)


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"action": "eat", "path": "a/b", "expect": "deny"},
        {"action": "read", "path": "", "expect": "deny"},
        {"action": "read", "path": "a/b", "expect": "maybe"},
        {"action": "read", "path": "a/b", "expect": "deny", "extra": 1},
        {"action": "read", "path": "a/b", "expect": "deny", "who": {"name": "x"}},
        {"action": "read", "path": "a/b", "expect": "deny", "old": 7},
        {"action": "read", "path": "a/b", "expect": "deny", "service": "queues"},
        {"action": "read", "path": "a/b", "expect": "deny", "now": "today"},
        "text",
    ],
)
def test_what_is_no_case(case: object) -> None:
    assert len(read_cases({"case": [case]}, now=0.0)[1]) == 1


class _Broken:
    """A program of an evaluator that fails in its own way."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def execute(self, given: object) -> object:
        raise self._error


def test_a_panic_is_a_no_and_nothing_else_is_hidden() -> None:
    sound = compile_rule("true", names=[])
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    assert not replace(sound, program=_Broken(panic("overflowed"))).holds({})
    with pytest.raises(BadRule, match="cannot cope"):
        replace(sound, program=_Broken(panic("overflowed"))).explain({})
    for error in (KeyboardInterrupt(), SystemExit(), MemoryError()):
        with pytest.raises(type(error)):
            replace(sound, program=_Broken(error)).holds({})
