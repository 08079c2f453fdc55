"""What the guides and the API's page say is what the code does."""

import json
import re
from pathlib import Path

from tapwater_server.control import options, toml
from tapwater_server.control.api.shapes import CallBody
from tapwater_server.control.layout import MAINS, read_layout
from tapwater_server.model.function import Kind
from tapwater_server.web.problems import STATUS

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.S)


def test_the_settings_of_the_guide_are_right() -> None:
    (example,) = blocks("guides/apps.md", "toml")
    file, problems = toml.parse(example)
    assert problems == []
    assert file.functions["users/register"]["egress"] == ["api.stripe.com:443"]
    assert set(re.findall(r"^\[{0,2}(\w+)", example, re.M)) >= set(toml._KEYS)


def test_the_layout_of_the_guide_is_right() -> None:
    page = (DOCS / "guides/apps.md").read_text()
    rows = re.findall(r"^\| `(\S+\.py)` \| `(\S+)` \| (?:`(\S+)`|events)", page, re.M)
    found = {one.file: one for one in read_layout(file for file, _, _ in rows).functions}
    assert len(rows) == 6
    for file, name, path in rows:
        assert found[file].name == name
        assert found[file].path == path
        assert (found[file].kind is Kind.REACTIVE) == (path == "")
    for main in MAINS:
        assert f"`{main}`" in page


def test_the_options_of_the_guide_are_all_there_are() -> None:
    table = (DOCS / "guides/apps.md").read_text().split("## Options")[1].split("##")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(options.READERS)


def test_the_api_page_has_the_right_codes() -> None:
    page = (DOCS / "api.md").read_text()
    codes = dict(re.findall(r"^\| `([a-z_]+)` \| (\d+) \|", page, re.M))
    assert {code: int(status) for code, status in codes.items()}.items() <= STATUS.items()


def test_the_json_of_the_api_page_is_json() -> None:
    for block in blocks("api.md", "json"):
        try:
            said = [json.loads(block)]
        except json.JSONDecodeError:
            said = [json.loads(line) for line in block.splitlines()]
        for one in said:
            if "params" in one:
                assert set(one) <= set(CallBody.__struct_fields__)
