"""One rule: a CEL expression, checked when it is deployed and run under a ceiling. Pure.

The evaluator cannot be stopped in the middle. So what a run may cost is bounded before it begins:
from the rule's text (how deep it goes through lists, how many patterns it matches) and from the
size of what it looks at. What might take more than ``STEPS_MAX`` is refused unseen.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cel

TEXT_LENGTH_MAX = 2_000
BRACKETS_MAX = 24  # open at a time: the parser goes one deeper for each
LOOPS_MAX = 2  # all, exists, map, filter inside each other
STEPS_MAX = 1_000_000  # about a tenth of a second
DEPTH_MAX = 100  # of a document: the evaluator goes one deeper for each
_MATCH_STEPS = 500  # A pattern is built anew for each match.
_BYTES_PER_STEP = 20
_REGEX_LENGTH_MAX = 200

_TOKEN = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))"""
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d[\w.]*)|(?P<space>\s+)|(?P<sign>.)",
    re.S,
)
_LOOPS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_FUNCTIONS = frozenset(
    {
        *("size", "has", "contains", "startsWith", "endsWith", "matches", "min", "max"),
        *("string", "int", "uint", "double", "bool", "bytes", "dyn", "type"),
        *("timestamp", "duration", "getFullYear", "getMonth", "getDate", "getDayOfMonth"),
        *("getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds"),
        "getMilliseconds",
    }
)
_TYPES = frozenset(
    {"string", "int", "uint", "double", "bool", "bytes", "list", "map", "null_type", "type"}
)
# Every way a Rust evaluator tells of a wrong type, a missing field, or a value it does not know.
_FAILURES = (ValueError, TypeError, RuntimeError, KeyError, OverflowError, RecursionError)


class BadRule(Exception):
    """The text is no rule; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What the text of a rule says about its cost."""

    tokens: int
    loops: int  # inside each other
    matches: int
    bound: frozenset[str]  # names that loops bring


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A rule that can be run."""

    text: str
    program: Any
    variables: frozenset[str]
    shape: _Shape

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Say whether it is true; whatever goes wrong is no."""
        try:
            return self.explain(values) is True
        except BadRule:
            return False

    def explain(self, values: Mapping[str, Any]) -> Any:
        """Run it.

        Raises:
            BadRule: it failed, or might have taken too long; the message says how.
        """
        given = {name: values.get(name) for name in self.variables}
        self._afford(given)
        try:
            return self.program.execute(given)
        except _FAILURES as error:
            raise BadRule(_first_line(error)) from None

    def _afford(self, given: Mapping[str, Any]) -> None:
        nodes, size = weigh(given.values())
        shape = self.shape
        rounds = max(1, nodes) ** shape.loops
        steps = shape.tokens + shape.matches * _MATCH_STEPS + size // _BYTES_PER_STEP
        if nodes + rounds * steps > STEPS_MAX:
            raise BadRule(
                f"judging {nodes} values and {size} bytes by this rule might take too long"
            )


def weigh(values: Iterable[Any]) -> tuple[int, int]:
    """Count values and the bytes of their texts.

    Raises:
        BadRule: they are nested deeper than ``DEPTH_MAX``, or are more than any rule may look at.
    """
    nodes = size = depth = 0
    level = list(values)
    while level:
        nodes += len(level)
        depth += 1
        if depth > DEPTH_MAX or nodes > STEPS_MAX:
            raise BadRule("the document is too large or too deep to be judged by a rule")
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, str | bytes):
                size += len(value)
            elif isinstance(value, Mapping):
                size += sum(map(len, map(str, value)))
                deeper.extend(value.values())
            elif isinstance(value, list | tuple):
                deeper.extend(value)
        level = deeper
    return nodes, size


def compile_rule(text: str, *, names: Iterable[str]) -> Expression:
    """Read a rule that may use the variables ``names``.

    Raises:
        BadRule: it cannot be meant.
    """
    shape = _measure(text)
    try:
        program = cel.compile(text)
        used = frozenset(program.variables())
        called = frozenset(program.functions())
    except _FAILURES as error:
        raise BadRule(_first_line(error)) from None
    known = frozenset(names)
    strange = sorted(used - known - shape.bound - _TYPES)
    if strange:
        raise BadRule(
            f"there is no variable {strange[0]!r} here (there are: {', '.join(sorted(known))})"
        )
    unknown = sorted(name for name in called - _FUNCTIONS if name.isidentifier())
    if unknown:
        raise BadRule(f"there is no function {unknown[0]!r}")
    return Expression(text=text, program=program, variables=used & known, shape=shape)


def _measure(text: str) -> _Shape:
    """Look at the text's tokens only; whether they make sense is the parser's business."""
    if not text.strip() or len(text) > TEXT_LENGTH_MAX:
        raise BadRule(f"a rule has 1 to {TEXT_LENGTH_MAX} characters")
    if '"""' in text or "'''" in text:
        raise BadRule("write texts in single quotes, on one line")
    tokens = [
        (str(match.lastgroup), match.group())
        for match in _TOKEN.finditer(text)
        if match.lastgroup != "space"
    ]
    signs = [token for kind, token in tokens if kind == "sign"]
    if signs.count("?") > BRACKETS_MAX:
        raise BadRule(f"a rule has {BRACKETS_MAX} question marks at most")
    loops, bound = _measure_depth(tokens)
    return _Shape(
        tokens=len(tokens), loops=loops, matches=_count_matches(tokens), bound=frozenset(bound)
    )


def _measure_depth(tokens: list[tuple[str, str]]) -> tuple[int, set[str]]:
    """Follow the brackets: how deep, and how many loops are around the innermost place."""
    open_brackets: list[bool] = []  # whether a loop opened it
    loops_most = 0
    bound: set[str] = set()
    for at, (_, token) in enumerate(tokens):
        if token in ("(", "[", "{"):
            loop = token == "(" and _is_loop(tokens, at)
            open_brackets.append(loop)
            if loop and at + 1 < len(tokens):
                bound.add(tokens[at + 1][1])
        elif token in (")", "]", "}") and open_brackets:
            open_brackets.pop()
        loops_most = max(loops_most, sum(open_brackets))
        if len(open_brackets) > BRACKETS_MAX:
            raise BadRule(f"more than {BRACKETS_MAX} brackets are open at a time")
    if loops_most > LOOPS_MAX:
        raise BadRule(f"loops (all, exists, map, filter) go {LOOPS_MAX} deep at most")
    return loops_most, bound


def _is_loop(tokens: list[tuple[str, str]], at: int) -> bool:
    return at > 1 and tokens[at - 1][1] in _LOOPS and tokens[at - 2][1] == "."


def _count_matches(tokens: list[tuple[str, str]]) -> int:
    """Count patterns; each must be written out, so that nobody can send one that is dear."""
    count = 0
    for at, (kind, token) in enumerate(tokens):
        if kind != "word" or token != "matches":
            continue
        count += 1
        after = [text for _, text in tokens[at + 1 : at + 4]]
        if len(after) < 3 or tokens[at + 2][0] != "text" or (after[0], after[2]) != ("(", ")"):
            raise BadRule("matches() takes a pattern written in quotes: name.matches('^[a-z]+$')")
        if len(after[1]) > _REGEX_LENGTH_MAX or after[1].count("{") > 4:
            raise BadRule(f"a pattern has {_REGEX_LENGTH_MAX} characters and 4 counts at most")
    return count


def _first_line(error: BaseException) -> str:
    """Take the sentence out of the evaluator's message."""
    text = str(error)
    _, found, said = text.partition("ERROR: <input>:1:")
    if found:
        column, _, rest = said.partition(":")
        sentence = rest.strip().splitlines()[0].partition(" expecting ")[0]
        return f"at character {column}: {sentence}"
    return (text.splitlines() or [type(error).__name__])[0][:300]
