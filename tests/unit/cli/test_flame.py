"""Flame graphs: pictures and pages that stand alone, whatever the frames are called."""

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.cli.commands.profile import Format, render
from tapwater_server.cli.flame_page import page
from tapwater_server.cli.flame_svg import WIDTH, bars, svg
from tapwater_server.model.profile import tree

STACKS = {("get (app.py:1)", "burn (lib/x.py:3)"): 3.0, ("get (app.py:1)",): 1.0}
HOSTILE = {('</script><script>alert("x")</script>', "<b>&'\""): 1.0}
SVG = "{http://www.w3.org/2000/svg}"


def test_bars_stand_on_their_callers() -> None:
    laid = {bar.name: bar for bar in bars(tree(STACKS))}
    assert [laid[name].depth for name in ("all", "get (app.py:1)", "burn (lib/x.py:3)")] == [
        0,
        1,
        2,
    ]
    assert laid["burn (lib/x.py:3)"].width == 0.75


def test_the_picture_is_xml_with_a_bar_for_each_frame() -> None:
    root = ElementTree.fromstring(svg(STACKS, title="a & b", unit="looks"))
    told = [title.text for title in root.iter(f"{SVG}title")]
    assert "burn (lib/x.py:3): 3 looks, 75.0%" in told
    widths = [float(rect.get("width", "0")) for rect in root.iter(f"{SVG}rect")]
    assert max(widths) <= WIDTH


@pytest.mark.parametrize("stacks", [STACKS, HOSTILE])
def test_the_page_stands_alone(stacks: dict[tuple[str, ...], float]) -> None:
    text = page(stacks, title="<i>orders</i>", unit="ms")
    assert not re.search(r"(src|href)=|url\(|@import|https?://", text)
    assert text.count("</script>") == 2
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    found = json.loads(data[1])
    assert found["root"]["b"][0]["n"] == next(iter(stacks))[0]
    assert "<i>" not in text


@given(st.text(max_size=30).filter(lambda text: text.isprintable()))
def test_any_name_can_be_drawn(name: str) -> None:
    ElementTree.fromstring(svg({(name,): 1.0}, title=name, unit="ms"))
    page({(name,): 1.0}, title=name, unit="ms")


@pytest.mark.parametrize("format", list(Format))
def test_all_forms(format: Format) -> None:
    found = {
        "app": "shop",
        "function": "orders/total",
        "unit": "looks",
        "mode": "wall",
        "stacks": [{"frames": ["a (x.py:1)", "b"], "weight": 2.0}],
    }
    assert "a" in render(found, format)
