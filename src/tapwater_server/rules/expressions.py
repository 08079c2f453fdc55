"""One rule: a CEL expression, checked when it is deployed and run under a ceiling. Pure.

The evaluator cannot be stopped in the middle. So what a run may cost is bounded before it begins:
from the rule's text (how deep it goes through lists, how many patterns it matches) and from the
size of what it looks at. What might take more than ``STEPS_MAX`` is refused unseen.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tapwater_server.rules.evaluator import broke, evaluator

TEXT_LENGTH_MAX = 2_000
BRACKETS_MAX = 24  # open at a time: the parser goes one deeper for each
LOOPS_MAX = 4  # inside each other; map and filter count twice
# What that takes is measured by tools/rule_costs.py, with hostile rules at this very ceiling.
STEPS_MAX = 1_000_000
DEPTH_MAX = 100  # of a document: the evaluator goes one deeper for each
_MATCH_STEPS = 500  # A pattern is built anew for each match,
_COUNT_STEPS = 20  # and grows with the counts in it,
_SET_STEPS = 200  # the more so where a place in it stands for several letters,
_CLASS_STEPS = 4_000  # and most where it stands for those of all languages.
_BYTES_PER_STEP = 20
_NODES_PER_STEP = 1  # compared with each other
_STEPS_PER_NODE = 8  # handed to the evaluator,
_STEPS_COPIED = 6  # and each time that the whole is compared or joined. (In loops it is small.)
_REGEX_LENGTH_MAX = 200

_TOKEN = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))"""
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d[\w.]*)|(?P<space>\s+)|(?P<sign>.)",
    re.S,
)
# map and filter copy what they have gathered at each round.
_LOOPS = {"all": 1, "exists": 1, "exists_one": 1, "map": 2, "filter": 2}
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_CLASS = re.compile(r"\\[wdspWDSP]|\.")
_FUNCTIONS = frozenset(
    {
        *("size", "has", "contains", "startsWith", "endsWith", "matches"),
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
_FAILURES = (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError)


class BadRule(Exception):
    """The text is no rule; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What the text of a rule says about its cost."""

    tokens: int
    loops: int  # inside each other
    matches: int  # steps for the patterns, each time
    copies: int  # how often all of a document may be compared or joined, outside of loops
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
        self.afford(given)
        try:
            return self.program.execute(given)
        except BaseException as error:
            raise _bad(error) from None

    def afford(self, given: Mapping[str, Any]) -> None:
        """Refuse what might take too long. Raises BadRule: it might."""
        nodes, size = weigh(given.values())
        shape = self.shape
        rounds = max(1, nodes) ** shape.loops
        looked_at = nodes // _NODES_PER_STEP + size // _BYTES_PER_STEP
        steps = shape.tokens + shape.matches + looked_at
        handed = nodes * (_STEPS_PER_NODE + _STEPS_COPIED * shape.copies)
        if handed + rounds * steps > STEPS_MAX:
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
        program = evaluator().compile(text)
        used = frozenset(program.variables())
        called = frozenset(program.functions())
    except BaseException as error:
        raise _bad(error) from None
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
        tokens=len(tokens),
        loops=loops,
        matches=_match_steps(tokens),
        copies=0 if loops else _count_copies([token for _, token in tokens]),
        bound=frozenset(bound),
    )


def _count_copies(tokens: list[str]) -> int:
    """Count ``==``, ``!=``, ``+`` and ``in``."""
    equal = sum(pair in (("=", "="), ("!", "=")) for pair in pairwise(tokens))
    return equal + tokens.count("+") + tokens.count("in")


def _measure_depth(tokens: list[tuple[str, str]]) -> tuple[int, set[str]]:
    """Follow the brackets: how deep, and how many loops are around the innermost place."""
    open_brackets: list[int] = []  # what a loop that opened it counts for
    loops_most = 0
    bound: set[str] = set()
    for at, (_, token) in enumerate(tokens):
        if token in ("(", "[", "{"):
            loop = _loop_at(tokens, at) if token == "(" else 0
            open_brackets.append(loop)
            if loop and at + 1 < len(tokens):
                bound.add(tokens[at + 1][1])
        elif token in (")", "]", "}") and open_brackets:
            open_brackets.pop()
        loops_most = max(loops_most, sum(open_brackets))
        if len(open_brackets) > BRACKETS_MAX:
            raise BadRule(f"more than {BRACKETS_MAX} brackets are open at a time")
    if loops_most > LOOPS_MAX:
        raise BadRule("loops (all, exists, map, filter) go too deep into each other")
    return loops_most, bound


def _loop_at(tokens: list[tuple[str, str]], at: int) -> int:
    called = at > 1 and tokens[at - 2][1] == "."
    return _LOOPS.get(tokens[at - 1][1], 0) if called else 0


def _match_steps(tokens: list[tuple[str, str]]) -> int:
    """Cost the patterns; each must be written out, so that nobody can send one that is dear."""
    steps = 0
    for at, (kind, token) in enumerate(tokens):
        if kind != "word" or token != "matches":
            continue
        after = [text for _, text in tokens[at + 1 : at + 4]]
        if len(after) < 3 or tokens[at + 2][0] != "text" or (after[0], after[2]) != ("(", ")"):
            raise BadRule("matches() takes a pattern written in quotes: name.matches('^[a-z]+$')")
        if len(after[1]) > _REGEX_LENGTH_MAX or after[1].count("{") > 4:
            raise BadRule(f"a pattern has {_REGEX_LENGTH_MAX} characters and 4 counts at most")
        _try_pattern(after[1])
        steps += _pattern_steps(after[1])
    return steps


def _try_pattern(literal: str) -> None:
    try:
        evaluator().compile(f"''.matches({literal})").execute({})
    except BaseException as error:
        raise BadRule(f"the pattern {literal}: {_bad(error)}") from None


def _pattern_steps(pattern: str) -> int:
    """Say what building a pattern costs.

    >>> _pattern_steps("^[a-z]+$"), _pattern_steps("(a{100}){100}")
    (700, 200500)
    """
    product = 1
    for low, high in _COUNT.findall(pattern):
        product *= max(1, int(high or low))
    wide = _CLASS_STEPS if _CLASS.search(pattern) else _COUNT_STEPS
    each = max(wide, _SET_STEPS if "[" in pattern else 0)
    return _MATCH_STEPS + each * product


def _bad(error: BaseException) -> BadRule:
    """Say what the evaluator complains of; what is none of its complaints goes on."""
    if broke(error):
        return BadRule("the evaluator cannot cope with this")
    if not isinstance(error, _FAILURES):
        raise error
    return BadRule(_first_line(error))


def _first_line(error: BaseException) -> str:
    """Take the sentence out of the evaluator's message."""
    text = str(error)
    _, found, said = text.partition("ERROR: <input>:1:")
    if found:
        column, _, rest = said.partition(":")
        sentence = rest.strip().splitlines()[0].partition(" expecting ")[0]
        return f"at character {column}: {sentence}"
    if text.startswith("No such overload"):
        return "types that do not go together (is something null? user is null for nobody)"
    return (text.splitlines() or [type(error).__name__])[0][:300]
