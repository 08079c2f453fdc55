"""All rules of one revision: parsed and checked whole, then asked. Pure.

Rules give, and nothing takes away: what any matching rule allows is allowed. Within one rule the
more exact word counts: ``list`` before ``read``, ``create`` before ``write``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.rules import Action
from tapwater_server.rules.expressions import BadRule, Expression, compile_rule
from tapwater_server.rules.patterns import Pattern, read_pattern

FILE = "rules.toml"
SERVICES = ("docs", "blobs", "mqtt")
RULES_MAX = 500
VERBS = ("read", "list", "create", "update", "delete", "write")
NAMES = ("user", "old", "new", "now", "request")
_WORDS: Mapping[Action, Sequence[str]] = {
    Action.READ: ("read",),
    Action.LIST: ("list", "read"),
    Action.CREATE: ("create", "write"),
    Action.UPDATE: ("update", "write"),
    Action.DELETE: ("delete", "write"),
}
Problem = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is allowed with the paths of one pattern."""

    pattern: Pattern
    verbs: Mapping[str, Expression]

    def expression(self, action: Action) -> Expression | None:
        return next((self.verbs[word] for word in _WORDS[action] if word in self.verbs), None)

    def match(self, action: Action, path: str) -> Mapping[str, str] | None:
        """Give the path's parameters; a list may name the collection or one of its documents."""
        found = self.pattern.match(path)
        if found is None and action is Action.LIST:
            found = self.pattern.match_collection(path)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Somebody wants to do something."""

    service: str
    action: Action
    path: str
    user: Mapping[str, Any] | None = None
    old: Mapping[str, Any] | None = None
    new: Mapping[str, Any] | None = None
    now: Any = None  # a datetime with its zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer, and why: the rule that allowed, or what became of those that did not."""

    allowed: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """The rules of each service."""

    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)

    def allows(self, question: Question) -> bool:
        """Say yes or no, quickly."""
        for rule in self.rules.get(question.service, ()):
            expression = rule.expression(question.action)
            if expression is None:
                continue
            found = rule.match(question.action, question.path)
            if found is not None and expression.holds(values_of(question, found)):
                return True
        return False

    def judge(self, question: Question) -> Verdict:
        """Say yes or no, and why."""
        reasons: list[str] = []
        for rule in self.rules.get(question.service, ()):
            found = rule.match(question.action, question.path)
            if found is None:
                continue
            expression = rule.expression(question.action)
            if expression is None:
                reasons.append(f"{rule.pattern.text}: says nothing of {question.action}")
                continue
            try:
                said = expression.explain(values_of(question, found))
            except BadRule as error:
                reasons.append(f"{rule.pattern.text}: {expression.text}: {error}")
                continue
            if said is True:
                return Verdict(allowed=True, reasons=(f"{rule.pattern.text}: {expression.text}",))
            reasons.append(f"{rule.pattern.text}: {expression.text} is {_shown(said)}")
        return Verdict(allowed=False, reasons=tuple(reasons) or ("no rule is about this path",))


def values_of(question: Question, parameters: Mapping[str, str]) -> Mapping[str, Any]:
    """What the variables of a rule stand for."""
    return {
        "user": question.user,
        "old": question.old,
        "new": question.new,
        "now": question.now,
        "request": {
            "service": question.service,
            "action": question.action.value,
            "path": question.path,
        },
        **parameters,
    }


def user_value(app: AppId, who: Principal) -> Mapping[str, Any] | None:
    """What ``user`` is in a rule: null for nobody."""
    if not who.is_user_of(app):
        return None
    return {
        "id": who.user,
        "email": who.email,
        "email_verified": who.email_verified,
        "roles": sorted(who.roles),
        "claims": dict(who.claims),
    }


def read_rulebook(raw: Mapping[str, Any], *, file: str = FILE) -> tuple[Rulebook, list[Problem]]:
    """Check the tables of a rules file. With problems, the first of the pair is not to be used.

    >>> read_rulebook({"docs": {"notes/{id}": {"read": "true"}}})[1]
    []
    """
    problems: list[Problem] = []
    rules: dict[str, tuple[Rule, ...]] = {}
    for service, tables in raw.items():
        if service not in SERVICES or not isinstance(tables, Mapping):
            tables_are = ", ".join(f'[{each}."…"]' for each in SERVICES)
            what = f"{service}: rules stand in {tables_are}"
            problems.append({"where": file, "what": what})
            continue
        found = [_read_rule(service, text, table, file, problems) for text, table in tables.items()]
        rules[service] = tuple(rule for rule in found if rule is not None)
    if sum(map(len, rules.values())) > RULES_MAX:
        problems.append({"where": file, "what": f"an app has {RULES_MAX} rules at most"})
    return Rulebook(rules=rules), problems


def _read_rule(
    service: str, text: str, table: Any, file: str, problems: list[Problem]
) -> Rule | None:
    name = f'{service}."{text}"'
    try:
        pattern = read_pattern(text)
    except ValueError as error:
        problems.append({"where": file, "what": f"{name}: {error}"})
        return None
    taken = sorted(set(pattern.names) & set(NAMES))
    if taken:
        what = f"{name}: {{{taken[0]}}} hides the variable of that name; call it otherwise"
        problems.append({"where": file, "what": what})
    if not isinstance(table, Mapping) or not table:
        what = f"{name}: must be a table with some of {', '.join(VERBS)}"
        problems.append({"where": file, "what": what})
        return None
    verbs: dict[str, Expression] = {}
    for verb, said in table.items():
        try:
            verbs[verb] = _read_verb(verb, said, pattern)
        except BadRule as error:
            problems.append({"where": file, "what": f"{name}.{verb}: {error}"})
    return Rule(pattern=pattern, verbs=verbs)


def _read_verb(verb: str, said: Any, pattern: Pattern) -> Expression:
    if verb not in VERBS:
        raise BadRule(f"there is no such action (there are: {', '.join(VERBS)})")
    if isinstance(said, bool):
        said = "true" if said else "false"
    if not isinstance(said, str):
        raise BadRule("must be an expression in quotes, or true or false")
    expression = compile_rule(said, names=(*NAMES, *pattern.names))
    _must_be_a_question(expression, pattern)
    return expression


def _must_be_a_question(expression: Expression, pattern: Pattern) -> None:
    """Try it on nobody and on somebody: if it works at all, it must give yes or no."""
    somebody = {"id": "x", "email": "x@example", "email_verified": True, "roles": [], "claims": {}}
    parameters = dict.fromkeys(pattern.names, "x")
    for user in (None, somebody):
        question = Question(service="docs", action=Action.READ, path="x", user=user, old={}, new={})
        try:
            said = expression.explain(values_of(question, parameters))
        except BadRule:
            continue
        if not isinstance(said, bool):
            raise BadRule(f"gives {_shown(said)}: a rule must give true or false")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"a {type(value).__name__}"
