"""Generated examples are the same in every run here, however slow the machine."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

settings.register_profile("tapwater", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("tapwater")

MakeModule = Callable[..., ModuleType]


@pytest.fixture
def make_module(tmp_path: Path) -> Iterator[MakeModule]:
    """Import a source text as the module of a file."""
    made: list[str] = []

    def make(source: str, name: str = "one") -> ModuleType:
        module = ModuleType(name)
        module.__file__ = str(tmp_path / f"{name}.py")
        made.append(name)
        sys.modules[name] = module
        exec(compile(source, module.__file__, "exec"), vars(module))
        return module

    yield make
    for name in made:
        sys.modules.pop(name, None)
