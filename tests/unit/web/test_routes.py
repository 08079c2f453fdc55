"""Which line of a table a path means."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.errors import Invalid
from tapwater_server.web.routes import Pattern, Routes, split_path


@dataclass(frozen=True)
class Line:
    path: str


LINES = [
    Line("/docs/{path:path}"),
    Line("/docs/{path:path}/changes"),
    Line("/docs/{collection}"),
    Line("/docs/query"),
    Line("/blobs"),
    Line("/blobs/{bucket}/{key:path}"),
    Line("/blobs/{bucket}"),
]
TABLE = Routes(LINES)


@pytest.mark.parametrize(
    ("path", "line", "params"),
    [
        ("/docs/query", "/docs/query", {}),
        ("/docs/users", "/docs/{collection}", {"collection": "users"}),
        ("/docs/users/42", "/docs/{path:path}", {"path": "users/42"}),
        ("/docs/users/42/changes", "/docs/{path:path}/changes", {"path": "users/42"}),
        ("/docs/a%2Fb", "/docs/{collection}", {"collection": "a/b"}),
        ("/docs/%C3%BC/x%20y", "/docs/{path:path}", {"path": "ü/x y"}),
        ("/blobs", "/blobs", {}),
        ("/blobs/b/", "/blobs/{bucket}/{key:path}", {"bucket": "b", "key": ""}),
        ("/blobs/b/a//c", "/blobs/{bucket}/{key:path}", {"bucket": "b", "key": "a//c"}),
    ],
)
def test_the_most_exact_line_comes_first(path: str, line: str, params: dict[str, str]) -> None:
    found, said = TABLE.find(split_path(path))[0]
    assert (found.path, said) == (line, params)


@pytest.mark.parametrize("path", ["/", "/nothing", "/blob", "/docs", "/DOCS/a", "/blobs//x"])
def test_other_paths_are_nobodys(path: str) -> None:
    assert TABLE.find(split_path(path)) == []


def test_less_exact_lines_follow() -> None:
    found = [line.path for line, _ in TABLE.find(split_path("/docs/query"))]
    assert found == ["/docs/query", "/docs/{collection}", "/docs/{path:path}"]


@pytest.mark.parametrize("path", ["", "docs", "/docs/%ff", "/docs/%00", "/docs/\0"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(Invalid):
        split_path(path)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=6))
def test_the_rest_is_given_whole(parts: list[str]) -> None:
    assert Pattern.read("/docs/{path:path}").match(["docs", *parts]) == {"path": "/".join(parts)}


@given(st.lists(st.sampled_from(["docs", "query", "blobs", "x", ""]), min_size=1, max_size=6))
def test_the_first_is_the_first_of_all(parts: list[str]) -> None:
    found = TABLE.find(parts)
    assert TABLE.first(parts) == (found[0] if found else None)


@given(st.lists(st.sampled_from(["docs", "query", "blobs", "x", ""]), min_size=1, max_size=9))
def test_every_line_that_fits_is_looked_at(parts: list[str]) -> None:
    fitting = {line.path for line in LINES if Pattern.read(line.path).match(parts) is not None}
    assert {line.path for line, _ in TABLE.find(parts)} == fitting
