"""A flame graph as an SVG picture: every frame a bar as wide as the time that was spent in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from tapwater_server.model.profile import Node, Stack, tree

WIDTH, ROW, TOP = 1200, 18, 48
_WIDTH_MIN = 0.3  # Narrower bars cannot be seen.
_CHARS_PER_PX = 0.155  # Of the text in a bar.
DEPTH_MAX = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One frame: where it stands, as shares of the whole, and what it says."""

    name: str
    left: float
    width: float
    depth: int
    weight: float


def bars(root: Node) -> Iterator[Bar]:
    """Lay a tree out: callers below, what they called on top of them; nothing overlaps."""
    waiting = [(root, 0.0, 0)]
    while waiting:
        node, left, depth = waiting.pop()
        width = node.weight / root.weight
        yield Bar(name=node.name, left=left, width=width, depth=depth, weight=node.weight)
        at = left
        for name in sorted(node.below):
            below = node.below[name]
            if depth < DEPTH_MAX:
                waiting.append((below, at, depth + 1))
            at += below.weight / root.weight


def svg(stacks: Mapping[Stack, float], *, title: str, unit: str) -> str:
    """Draw it. The picture stands alone: no script, no font, nothing from elsewhere."""
    root = tree(stacks)
    shown = [bar for bar in bars(root) if bar.width * WIDTH >= _WIDTH_MIN]
    deepest = max(bar.depth for bar in shown)
    height = TOP + (deepest + 1) * ROW + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="monospace" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="20" font-size="14">{escape(title)}</text>',
        f'<text x="8" y="38" fill="#666">{root.weight:.0f} {escape(unit)}</text>',
    ]
    lines += [_bar(bar, root, unit, y=TOP + (deepest - bar.depth) * ROW) for bar in shown]
    return "\n".join([*lines, "</svg>", ""])


def _bar(bar: Bar, root: Node, unit: str, *, y: int) -> str:
    x, width = bar.left * WIDTH, bar.width * WIDTH
    told = f"{bar.name}: {bar.weight:.0f} {unit}, {bar.weight / root.weight:.1%}"
    room = int(width * _CHARS_PER_PX) - 1
    said = bar.name if len(bar.name) <= room else bar.name[: max(0, room - 1)] + "…"
    text = f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(said)}</text>' if room > 2 else ""
    return (
        f"<g><title>{escape(told)}</title>"
        f'<rect x="{x:.1f}" y="{y}" width="{max(width - 0.5, 0.2):.1f}" height="{ROW - 1}" '
        f'rx="2" fill="{colour(bar.name)}"/>{text}</g>'
    )


def colour(name: str) -> str:
    """Give a frame its warm colour: the same for the same file, in every picture.

    >>> colour("a (x.py:1)") == colour("b (x.py:9)")
    True
    """
    place = name.rpartition(" (")[2].rpartition(":")[0] or name
    mixed = 0
    for character in place:
        mixed = (mixed * 31 + ord(character)) % 65_521
    return f"hsl({15 + mixed % 40},{65 + mixed // 40 % 20}%,{62 + mixed // 800 % 14}%)"
