"""Which files are functions, and where they answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.control.layout import Layout, hints, looked_for, read_layout
from tapwater_server.model.function import Kind

SHOP = [
    "tapwater.toml",
    "users/restful/register.py",
    "users/restful/profile/[id].py",
    "users/restful/index.py",
    "users/reactive/send_welcome.py",
    "orders/restful/files/[...rest].py",
    "lib/db.py",
    "users/restful/_private.py",
    "users/restful/__init__.py",
    "users/restful/notes.txt",
    "users/restful/_parts/a.py",
    "restful/hello.py",
    "restful/index.py",
]


def paths(layout: Layout) -> dict[str, str]:
    return {one.name: one.path for one in layout.functions}


def test_names_routes_and_kinds() -> None:
    layout = read_layout(SHOP)
    assert layout.problems == ()
    assert paths(layout) == {
        "users/register": "/users-api/register",
        "users/profile/[id]": "/users-api/profile/{id}",
        "users/index": "/users-api",
        "users/send_welcome": "",
        "orders/files/[...rest]": "/orders-api/files/{...rest}",
        "hello": "/hello",
        "index": "/",
    }
    kinds = {one.name: one.kind for one in layout.functions}
    assert kinds["users/send_welcome"] is Kind.REACTIVE
    assert kinds["hello"] is Kind.RESTFUL


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["hello.py"], "hello.py"),
        (["hello.py", "README.md", "_x.py", "conftest.py"], "hello.py"),
        (["main.py", "models.py", "db/a.py"], "main.py"),
        (["app.py", "models.py", "requirements.txt"], "app.py"),
    ],
)
def test_an_app_may_be_one_file(files: list[str], chosen: str) -> None:
    (function,) = read_layout(files).functions
    assert (function.file, function.path, function.kind) == (chosen, "/", None)


def test_main_names_the_file() -> None:
    (function,) = read_layout(["src/shop/web.py", "restful/x.py"], main="src/shop/web.py").functions
    assert function.name == "web"
    (problem,) = read_layout(["a.py"], main="b.py").problems
    assert "there is no such Python file" in problem["what"]


@pytest.mark.parametrize(
    ("files", "where", "what"),
    [
        (
            ["users/restful/a.py", "users/reactive/a.py"],
            "users/restful/a.py",
            "users/reactive/a.py",
        ),
        (["restful/[a].py", "restful/[b].py"], "restful/[b].py", "restful/[a].py"),
        (["restful/a.py", "restful/a/index.py"], "restful/a/index.py", "restful/a.py"),
        (
            ["restful/users-api/x.py", "users/restful/x.py"],
            "users/restful/x.py",
            "restful/users-api",
        ),
        (["restful/[id]/[id].py"], "restful/[id]/[id].py", "two parameters"),
        (["restful/[...rest]/x.py"], "restful/[...rest]/x.py", "must be the last"),
        (["restful/[1d].py"], "restful/[1d].py", "cannot be part of a URL"),
        (["restful/a b.py"], "restful/a b.py", "cannot be part of a URL"),
        (["my group/restful/a.py"], "my group/restful/a.py", "resource group"),
        ([f"restful/{'x' * 201}.py"], f"restful/{'x' * 201}.py", "longer than"),
    ],
)
def test_problems_name_the_files(files: list[str], where: str, what: str) -> None:
    (problem,) = read_layout(files).problems
    assert problem["where"] == where
    assert what in problem["what"]


def test_too_many_functions() -> None:
    (problem,) = read_layout(f"restful/f{n}.py" for n in range(1001)).problems
    assert "1001 functions" in problem["what"]


def test_nothing_found_says_what_was_looked_for() -> None:
    files = ["users/restfull/a.py", "a/b/restful/c.py", "lib/x.py", "one.py", "two.py"]
    assert read_layout(files) == Layout()
    said = hints(files)
    assert "'restfull'" in said[1]
    assert "'restful'" in said[1]
    assert "too deep" in said[0]
    assert "No functions among 5 files" in looked_for(files)
    assert "GROUP/restful/NAME.py" in looked_for(files)


@given(st.lists(st.text(alphabet="ab[]./_-", min_size=1, max_size=20).map(lambda t: t + ".py")))
def test_whatever_the_names_functions_do_not_share_one(names: list[str]) -> None:
    layout = read_layout({f"g/restful/{name}" for name in names})
    if not layout.problems:
        assert len({one.name for one in layout.functions}) == len(layout.functions)
        assert len({one.path for one in layout.functions}) == len(layout.functions)
