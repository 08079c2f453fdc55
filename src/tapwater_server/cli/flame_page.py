"""A flame graph as a page that stands alone: click to zoom, type to search."""

import json
from collections.abc import Mapping
from html import escape
from importlib import resources

from tapwater_server.cli.flame_svg import DEPTH_MAX, colour
from tapwater_server.model.profile import Node, Stack, tree


def page(stacks: Mapping[Stack, float], *, title: str, unit: str) -> str:
    """Write the page."""
    template = resources.files(__package__).joinpath("flame.html").read_text("utf-8")
    data = {"unit": unit, "root": _packed(tree(stacks), 0)}
    # The data stands in a script: nothing in it may end that.
    packed = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return template.replace("{{title}}", escape(title)).replace("{{data}}", packed)


def _packed(node: Node, depth: int) -> dict[str, object]:
    packed: dict[str, object] = {"n": node.name, "w": node.weight, "c": colour(node.name)}
    if node.below and depth < DEPTH_MAX:
        packed["b"] = [_packed(node.below[name], depth + 1) for name in sorted(node.below)]
    return packed
