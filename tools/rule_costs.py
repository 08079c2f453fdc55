"""What the dearest rules cost that are still let through: hostile shapes, each at its ceiling.

The evaluator of rules cannot be stopped in the middle, so a rule's cost is bounded before it runs.
This looks for the largest document that each shape may still judge, and takes the time of it:

    python -m tools.rule_costs
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.rules.expressions import BadRule, Expression, compile_rule

SIZE_MAX = 2_000_000
TRIES = 3
Make = Callable[[int], Mapping[str, Any]]


def numbers(n: int) -> Mapping[str, Any]:
    return {"l": list(range(n))}


def table(n: int) -> Mapping[str, Any]:
    return {"m": {str(i): i for i in range(n)}}


def text(n: int) -> Mapping[str, Any]:
    return {"s": "a" * n}


def texts(one: str) -> Make:
    return lambda n: {"l": [one] * n, "s": "a" * n * 10}


SHAPES: tuple[tuple[str, Make], ...] = (
    ("old.l.all(x, true)", numbers),
    ("old.l.all(x, old.l.all(y, x <= y || true))", numbers),
    ("old.l.map(x, old.l).size() > 0", numbers),
    ("old.l.map(x, old.l.map(y, old.l)).size() > 0", numbers),
    ("old.l.filter(x, true).size() > 0", texts("abc")),
    ("old.l.filter(x, old.l.filter(y, true).size() > 0).size() > 0", numbers),
    ("old.l.all(a, old.l.all(b, old.l.all(c, old.l.all(d, true))))", numbers),
    ("old.l.all(x, old.l == old.l)", numbers),
    ("old.l.all(x, old == old && old == old && old == old)", numbers),
    ("old.l.all(x, x in old.l)", numbers),
    ("old.l.map(x, [old, old, old, old]).size() > 0", numbers),
    ("old.l.map(x, old.l + old.l).map(y, y + y).size() > 0", numbers),
    ("old.l.map(x, {string(x): old.l}).size() > 0", numbers),
    ("old.l.all(x, {'a': old, 'b': old, 'c': [old, old]}.size() > 0)", numbers),
    ("old.l.all(x, old.l[0] == x || old.l[size(old.l) - 1] == x || true)", numbers),
    ("[old.l, old.l, old.l, old.l, old.l, old.l].all(x, x.all(y, y == y))", numbers),
    ("size(old.l + old.l + old.l + old.l + old.l + old.l + old.l) > 0", numbers),
    ("old.l.all(x, string(x).size() + string(x).size() > 0)", numbers),
    ("old.m.all(k, old.m[k] == old.m[k])", table),
    ("old.m.all(k, old.m.all(j, old.m[k] != old.m[j] || true))", table),
    ("old == old && old == old && old == old && old == old", table),
    ("old.s.contains(old.s) && old.s.startsWith(old.s) && old.s.endsWith(old.s)", text),
    ("size(string(bytes(old.s))) > 0", text),
    ("old.s.matches('(a|aa|aaa)*(b|c|d)*x$')", text),
    ("old.s.matches('(.*)(.*)(.*)(.*)(.*)[^x]y$')", text),
    ("old.l.all(x, old.s.contains(x) || true)", texts("aab")),
    ("old.l.all(x, (old.s + old.s + old.s).size() > 0)", texts("x")),
    ("old.l.map(x, x + x + x + x + x + x).size() > 0", texts("y" * 1000)),
    ("old.l.all(x, x.contains('aaaaaaaaaaaaaaaaaaab') || true)", texts("a" * 1000)),
    ("old.l.all(x, timestamp(x) < now || true)", texts("2024-01-01T00:00:00Z")),
    ("old.l.all(x, x.matches('^[a-z]{2,10}$'))", texts("abc")),
    ("old.l.all(x, !old.s.matches('(a|aa)*b$'))", texts("aab")),
    (r"old.l.all(x, x.matches('^\\w{60}$') || true)", texts("abc")),
    (r"old.l.all(x, x.matches('(a{50}){50}') || true)", texts("abc")),
    (r"old.l.all(x, x.matches('[^a]{100}') || true)", texts("abc")),
    (r"old.l.all(x, x.matches('(\\W{9}){9}') || true)", texts("abc")),
    (r"old.l.all(x, x.matches('(\\pL|\\pN|\\pM|\\pS){20}') || true)", texts("abc")),
    (r"old.l.all(x, x.matches('\\b\\w+\\b.*\\b\\w+\\b') || true)", texts("abc " * 20)),
    (r"old.l.all(x, x.matches('(?s).*a.{40}$') || true)", texts("ab" * 200)),
)


def main() -> None:
    for seconds, size, rule in sorted((*measure(*shape),) for shape in SHAPES):
        print(f"{seconds * 1000:7.1f} ms  {size:8}  {rule}")


def measure(rule: str, make: Make) -> tuple[float, int, str]:
    """Give the seconds of the processor at the largest size that is let through."""
    expression = compile_rule(rule, names=("old", "now"))
    size = largest(expression, make)
    old = make(size)
    taken = []
    for _ in range(TRIES):
        began = time.thread_time()
        expression.holds({"old": old})
        taken.append(time.thread_time() - began)
    return min(taken), size, rule


def largest(expression: Expression, make: Make) -> int:
    """Search for the largest size that is judged at all."""
    low, high = 0, SIZE_MAX
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(expression, make(middle)) else (low, middle)
    return low


def fits(expression: Expression, old: Mapping[str, Any]) -> bool:
    try:
        expression.afford({"old": old})
    except BadRule:
        return False
    return True


if __name__ == "__main__":
    main()
