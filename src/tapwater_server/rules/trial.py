"""Cases that a user wrote about their rules, run without a server. Pure.

[[case]]
name = "a user reads their own profile"
who = { id = "7" }                 # nothing, or an empty table: nobody
action = "read"
path = "users/7"                   # of a document; blobs: service = "blobs"
old = { name = "Ada" }
expect = "allow"
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tapwater_server.ports.rules import Action
from tapwater_server.rules.rulebook import SERVICES, Problem, Question, Rulebook

FILE = "rules_test.toml"
CASES_MAX = 2_000
_KEYS = frozenset({"name", "service", "who", "action", "path", "old", "new", "now", "expect"})
_EXPECT = {"allow": True, "deny": False}
_USER: Mapping[str, Any] = {
    "id": "",
    "email": "",
    "email_verified": True,
    "roles": [],
    "claims": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: a question and the answer that is wanted."""

    name: str
    question: Question
    allowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of one case."""

    case: Case
    allowed: bool
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.allowed is self.case.allowed


def try_case(case: Case, book: Rulebook) -> Tried:
    """Judge one case."""
    verdict = book.judge(case.question)
    return Tried(case=case, allowed=verdict.allowed, reasons=verdict.reasons)


def read_cases(raw: Mapping[str, Any], *, now: float) -> tuple[list[Case], list[Problem]]:
    """Check the tables of a test file; complain of all that is wrong.

    >>> read_cases({"case": [{"action": "eat", "path": "a/b", "expect": "deny"}]}, now=0.0)[1]
    [{'where': 'rules_test.toml', 'what': "case 1: action 'eat' is none of read, list, create, \
update, delete"}]
    """
    listed = raw.get("case", [])
    if not isinstance(listed, list) or set(raw) - {"case"} or len(listed) > CASES_MAX:
        what = f"cases stand in [[case]] tables, {CASES_MAX} at most, and nothing else does"
        return [], [{"where": FILE, "what": what}]
    cases: list[Case] = []
    problems: list[Problem] = []
    for number, table in enumerate(listed, 1):
        try:
            cases.append(_read_case(table, number=number, now=now))
        except ValueError as error:
            problems.append({"where": FILE, "what": f"case {number}: {error}"})
    return cases, problems


def _read_case(table: Any, *, number: int, now: float) -> Case:
    if not isinstance(table, Mapping):
        raise ValueError("must be a table")  # noqa: TRY004
    strange = sorted(set(table) - _KEYS)
    if strange:
        raise ValueError(f"there is no key {strange[0]!r} (there are: {', '.join(sorted(_KEYS))})")
    actions = [action.value for action in Action]
    action = _one_of(table, "action", actions)
    expect = _one_of(table, "expect", list(_EXPECT))
    service = _one_of({"service": "docs", **table}, "service", SERVICES)
    path = table.get("path")
    if not isinstance(path, str) or not path:
        raise ValueError('path must be a text such as "users/7"')
    question = Question(
        service=service,
        action=Action(action),
        path=path,
        user=_user(table.get("who")),
        old=_table(table, "old"),
        new=_table(table, "new"),
        now=_moment(table.get("now"), now),
    )
    name = str(table.get("name") or f"{action} {path}")
    return Case(name=name, question=question, allowed=_EXPECT[expect])


def _one_of(table: Mapping[str, Any], key: str, words: Any) -> str:
    said = table.get(key)
    if said not in words:
        raise ValueError(f"{key} {said!r} is none of {', '.join(words)}")
    return str(said)


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    said = table.get(key)
    if said is not None and not isinstance(said, Mapping):
        raise ValueError(f"{key} must be a table")
    return said


def _user(said: Any) -> Mapping[str, Any] | None:
    if said is None or said == {} or said == "nobody":
        return None
    if not isinstance(said, Mapping) or set(said) - set(_USER):
        raise ValueError(f"who is a table with some of {', '.join(_USER)}; without it: nobody")
    return {**_USER, **said}


def _moment(said: Any, now: float) -> datetime:
    if said is None:
        return datetime.fromtimestamp(now, UTC)
    if not isinstance(said, datetime):
        raise ValueError("now is a time such as 2026-05-01T12:00:00Z, without quotes")  # noqa: TRY004
    return said if said.tzinfo else said.replace(tzinfo=UTC)
