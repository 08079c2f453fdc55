"""Interpreters and indexes: what is taken from the machine."""

from pathlib import Path

import pytest

from tapwater_server.control.indexes import build_environment
from tapwater_server.control.interpreters import Interpreter, candidates, choose, satisfies
from tapwater_server.model.errors import DeployFailed

OWN = Interpreter(path="/usr/bin/python3.11", version="3.11.7")
NEWER = Interpreter(path="/opt/bin/python3.13", version="3.13.0")


def test_the_python_an_app_asks_for() -> None:
    assert choose("", [OWN, NEWER]) is OWN
    assert choose("", [OWN, NEWER], default="3.13") is NEWER
    assert choose("3.13", [OWN, NEWER]) is NEWER
    assert choose("3.13.0", [OWN, NEWER]) is NEWER
    with pytest.raises(DeployFailed, match=r"no Python 3.12. It has: 3.11.7 .*, 3.13.0"):
        choose("3.12", [OWN, NEWER])


def test_the_python_a_project_requires() -> None:
    assert choose("", [OWN, NEWER], requires=">=3.11") is OWN
    assert choose("", [OWN, NEWER], requires=">=3.12", default="3.11") is NEWER
    assert choose("3.11", [OWN, NEWER], requires=">=3.12") is OWN
    with pytest.raises(DeployFailed, match=r"no Python >=3.14"):
        choose("", [OWN, NEWER], requires=">=3.14")


@pytest.mark.parametrize(
    ("requires", "allowed"),
    [
        ("", True),
        (">=3.12", True),
        (">=3.12.1,<3.13", True),
        (">3.12", False),
        ("<=3.12", True),
        ("<3.12", False),
        ("==3.12.*", True),
        ("!=3.12.1", False),
        ("~=3.12", True),
        ("~=3.12.0", True),
        ("~=3.11.0", False),
        ("rubbish", False),
    ],
)
def test_specifiers(requires: str, allowed: bool) -> None:
    assert satisfies("3.12.1", requires) is allowed


def test_where_pythons_are_looked_for(tmp_path: Path) -> None:
    for name in (".pyenv/versions/3.12.1", ".pyenv/versions/3.8.18", ".pyenv/versions/pypy3.10"):
        (tmp_path / name).mkdir(parents=True)
    kept = tmp_path / ".local/share/uv/python/cpython-3.14.0-linux-x86_64-gnu"
    kept.mkdir(parents=True)
    found = [str(path) for path in candidates("/usr/bin:/x/shims", tmp_path)]
    assert "/usr/bin/python3.12" in found
    assert str(tmp_path / ".pyenv/versions/3.12.1/bin/python3.12") in found
    assert str(kept / "bin/python3.14") in found
    assert not [path for path in found if "shims" in path or "3.8" in path or "pypy" in path]


def test_a_build_sees_only_what_it_needs(tmp_path: Path) -> None:
    variables = {
        "PATH": "/bin",
        "TAPWATER_TOKEN": "secret",
        "DATABASE_URL": "secret",
        "UV_INDEX": "https://own.example/simple",
        "https_proxy": "http://proxy.example",
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
    }
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://index.example/simple\n"
        "extra-index-url = https://other.example/simple\nfind-links = /a /b\n"
    )
    built = build_environment(variables, tmp_path)
    assert built["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert built["UV_INDEX"] == "https://own.example/simple"
    assert built["UV_FIND_LINKS"] == "/a,/b"
    assert built["https_proxy"] == "http://proxy.example"
    assert "TAPWATER_TOKEN" not in built
    assert "DATABASE_URL" not in built
