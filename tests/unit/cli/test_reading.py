"""What people write on the command line, and what the server says, read into values."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.cli.choosing import choose_app
from tapwater_server.cli.commands.call import find_target, read_data
from tapwater_server.cli.commands.traffic import read_parts
from tapwater_server.cli.excerpts import excerpt
from tapwater_server.cli.failures import HINTS, CommandFailed, Exit, from_problem, read_problems
from tapwater_server.cli.project import app_of_folder, normalised, open_project, script_dependencies
from tapwater_server.cli.sending import read_pairs
from tapwater_server.cli.showing import age, duration, read_span, size
from tapwater_server.cli.topview import Look, columns_for, with_rates
from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import parse_app_id
from tapwater_server.model.invocation import Ending

FUNCTIONS = [
    "users/profile/[id]",
    "users/profile/me",
    "files/[...rest]",
    "users/[id]/index",
    "hello",
]


@pytest.mark.parametrize(
    ("name", "function", "params"),
    [
        ("users/profile/me", "users/profile/me", {}),
        ("users/profile/7", "users/profile/[id]", {"id": "7"}),
        ("users/profile/[id]", "users/profile/[id]", {}),
        ("files/a/b.txt", "files/[...rest]", {"rest": "a/b.txt"}),
        ("users/7", "users/[id]/index", {"id": "7"}),
        ("hello", "hello", {}),
    ],
)
def test_a_function_is_found_by_its_name(name: str, function: str, params: dict[str, str]) -> None:
    target = find_target(name, FUNCTIONS)
    assert (target.name, target.params) == (function, params)


@pytest.mark.parametrize("name", ["users", "users/profile/7/8", "helo", ""])
def test_what_is_not_there_is_not_found(name: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        find_target(name, FUNCTIONS)
    assert caught.value.exit is Exit.NOT_FOUND


@pytest.mark.parametrize(
    "parts",
    [["live"], ["live=x"], ["=100"], ["live=50"], ["live=50", "live=50"], ["r3=50", "3=50"]],
)
def test_weights_that_make_no_sense(parts: list[str]) -> None:
    with pytest.raises(CommandFailed) as caught:
        read_parts(parts)
    assert caught.value.exit is Exit.USAGE


@given(st.integers(0, 100))
def test_weights_that_do(percent: int) -> None:
    assert read_parts([f"r1={percent}%", f"canary={100 - percent}"]) == {
        "1": percent,
        "canary": 100 - percent,
    }


@given(st.text().filter(lambda text: not text.startswith("@")))
def test_data_is_read_or_refused(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(CommandFailed):
            read_data(text)
    else:
        assert set(read_data(text)) == {"data"}


def test_pairs_need_their_mark() -> None:
    with pytest.raises(CommandFailed, match="NAME=VALUE"):
        read_pairs(["a"], "=")


def test_the_app_is_the_only_or_the_default_one() -> None:
    assert choose_app([{"name": "a"}]) == "a"
    with pytest.raises(CommandFailed, match="--app"):
        choose_app([{"name": "a"}, {"name": "b"}])
    with pytest.raises(CommandFailed, match="nothing is deployed"):
        choose_app([])


@given(st.text(max_size=100))
def test_a_name_that_can_be_made_is_a_name(text: str) -> None:
    name = normalised(text)
    if name:
        assert parse_app_id(name) == name
    else:
        with pytest.raises(Invalid):
            parse_app_id(name)


def test_the_app_of_a_folder(tmp_path: Path) -> None:
    app = tmp_path / "My Shop"
    inner = app / "users" / "restful"
    inner.mkdir(parents=True)
    assert app_of_folder(tmp_path) is None
    assert app_of_folder(app) == "my-shop"
    (app / "tapwater.toml").write_text('name = "shop"')
    assert app_of_folder(inner) == "shop"
    assert open_project(app, name="other").name == "other"


def test_inline_metadata_that_is_broken() -> None:
    assert script_dependencies("def get(): ...") == ()
    with pytest.raises(CommandFailed, match="not TOML"):
        script_dependencies("# /// script\n# dependencies = [\n# ///\n")


@pytest.mark.parametrize("text", ["", "m", "-1m", "nan", "inf", "ten"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"float|^-1m$|^nan$|^inf$"):
        read_span(text)


@given(st.floats(0, 1e9))
def test_numbers_are_shown_short(value: float) -> None:
    assert len(duration(value)) <= 16
    assert len(age(value)) <= 16
    assert len(size(value * 1e6)) <= 16


def test_a_problem_becomes_a_failure() -> None:
    problems = [{"where": "a.py:1", "what": "wrong"}, "odd"]
    failed = from_problem(403, {"detail": "no", "code": "not_allowed", "problems": problems})
    assert (failed.exit, failed.code, failed.message) == (Exit.NOT_ALLOWED, "not_allowed", "no")
    assert [each.where for each in failed.problems] == ["a.py:1"]
    assert failed.hint == HINTS["not_allowed"]
    assert from_problem(500, {}).message == "the server answered 500"
    assert read_problems("odd") == ()


def test_every_ending_that_is_bad_has_its_advice() -> None:
    fine = {Ending.OK, Ending.CANCELLED}
    assert {str(each) for each in Ending if each not in fine} <= set(HINTS)


def test_an_excerpt_shows_the_line_and_its_neighbours(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("one\ntwo\nthree\nfour\n")
    found = excerpt("a.py:1", local=lambda path: file)
    assert found == [(1, "one", True), (2, "two", False), (3, "three", False)]
    assert excerpt("a.py:9", local=lambda path: file) == []
    assert excerpt("a.py:1", local=lambda path: None) == []
    assert excerpt("the app", local=lambda path: file) == []


def test_rates_are_counted_between_two_looks() -> None:
    before = Look.read({"uptime_s": 1, "functions": [{"app": "a", "function": "f", "calls": 5}]})
    after = {"uptime_s": 2, "functions": [{"app": "a", "function": "f", "calls": 3}, {"app": "b"}]}
    rows = with_rates(Look.read(after), before)
    assert [row.get("calls_per_s") for row in rows] == [0.0, None], "a restart is no negative rate"
    assert Look.read("odd").functions == []


def test_a_narrow_view_keeps_what_matters_most() -> None:
    row = dict.fromkeys(("calls_per_s", "calls", "busy", "p50_s", "p95_s", "idle"), 1.0)
    assert [each.key for each in columns_for([row], width=200)] == [
        "calls_per_s",
        "calls",
        "busy",
        "idle",
        "p50_s",
        "p95_s",
    ]
    assert [each.key for each in columns_for([row], width=60)] == ["calls_per_s", "busy", "p50_s"]
    assert [each.key for each in columns_for([row], width=20)] == ["calls_per_s"]
    assert columns_for([], width=80) == []
