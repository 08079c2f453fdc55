"""Settings files that are made to be expensive are complained of, quickly."""

import tomllib

import pytest

from tapwater_server.control import requirements, toml
from tapwater_server.control.tomltext import BYTES_MAX, DEPTH_MAX, read_toml

BOMBS = {
    "nested lists": "settings.x = " + "[" * 100_000,
    "nested tables": "settings." + "a." * 200 + "a = 1",
    "a long dotted key": "a." * 100_000 + "a = 1",
    "a number with too many digits": "settings.x = " + "9" * 10_000,
    "a number too large to print": "settings.x = 0x" + "f" * 10_000,
    "too many bytes": "# " + "x" * BYTES_MAX,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_a_problem_like_any_other(bomb: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        read_toml(BOMBS[bomb])
    assert toml.parse(BOMBS[bomb])[1]
    read = {"pyproject.toml": BOMBS[bomb]}.__getitem__
    assert requirements.gather(["pyproject.toml"], read, listed=None, single="")[1]


def test_what_a_person_writes_is_read() -> None:
    deep = "x = " + "[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1)
    assert read_toml(deep)["x"]
    assert read_toml('a.b.c = 1\nd = "..."') == {"a": {"b": {"c": 1}}, "d": "..."}


def test_complaints_have_a_ceiling() -> None:
    """Each one looks for its line: thousands of wrong keys took minutes."""
    _, problems = toml.parse("".join(f"wrong{n} = 1\n" for n in range(10_000)))
    assert len(problems) == toml.PROBLEMS_MAX
