"""Every example of the guides is run: files are loaded, sessions give what they show."""

import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapwater.runtime.loading import load_here
from tapwater.testing import call, send_event

_GUIDES = Path(__file__).parents[3] / "docs" / "guides"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def clean_path() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path


@pytest.mark.usefixtures("clean_path")
@pytest.mark.parametrize("guide", ["functions.md", "testing.md"])
def test_examples_do_what_the_guide_says(
    guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"call": call, "send_event": send_event}
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    blocks = _BLOCK.findall((_GUIDES / guide).read_text())
    assert len(blocks) > 5
    for language, text in blocks:
        if language == "python":
            file = text.partition("\n")[0].removeprefix("# ")
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text)
            loaded = load_here({"code": str(tmp_path), "module": file, "function": f"app:{file}"})
            assert loaded.manifest["warnings"] == []
        else:
            assert language == "pycon"
            example = doctest.DocTestParser().get_doctest(text, names, guide, guide, 0)
            runner.run(example, clear_globs=False)
            names = example.globs
    assert runner.summarize(verbose=False).failed == 0
