"""What starting loads: a library that few nodes need is loaded by the first who needs it."""

import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src"
# Each took 25 to 130 ms and 4 to 13 MB of every start.
LATER = {"argon2", "cel", "cel.cel", "httpx", "joserfc", "prompt_toolkit", "pygments", "aiomqtt"}
LATER |= {"botocore", "samtranslator", "yaml"}


def loaded(statement: str) -> set[str]:
    """Import something in an interpreter of its own; give the names of all that came with it."""
    code = f"import sys; sys.path.insert(0, {str(SRC)!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_platform_starts_without_what_it_may_never_need() -> None:
    assert not loaded("import tapwater_server.assembly.node") & LATER


@pytest.mark.parametrize(
    "module", ["tapwater", "tapwater.runtime.runner", "tapwater.runtime.zygote"]
)
def test_a_function_that_uses_no_service_carries_none(module: str) -> None:
    found = loaded(f"import {module}")
    strange = ("tapwater.services.", "tapwater.clouds", "tapwater_server")
    assert not [name for name in found if name.startswith(strange)]


def test_the_evaluator_of_rules_comes_without_its_command_line() -> None:
    found = loaded(
        "from tapwater_server.rules.expressions import compile_rule; "
        "compile_rule('user != null', names=['user'])"
    )
    assert "cel.cel" in found
    assert not found & {"cel", "cel.cli", "prompt_toolkit"}
    # Somebody else's plain import still works: the evaluator is the same one.
    assert "cel.cli" in loaded(
        "from tapwater_server.rules.evaluator import evaluator; first = evaluator(); import cel; "
        "assert cel.compile is first.compile"
    )
