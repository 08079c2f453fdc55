"""Which function a path means."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.gateway.routing import Match, Routes
from tests.functional.gateway.world import function

SEGMENTS = st.text("ab{}.%é/ ", min_size=1, max_size=6)


def _routes(*paths: str) -> Routes:
    mounts = [path for path in paths if path.endswith("*")]
    return Routes([function(path.removesuffix("*") or "/", mount=path in mounts) for path in paths])


def _found(routes: Routes, path: str) -> str | None:
    match = routes.match(path)
    return None if match is None else match.target.function.file


def _match(routes: Routes, path: str) -> Match:
    match = routes.match(path)
    assert match is not None
    return match


def test_fixed_goes_before_parameter_before_catch_all_before_mount() -> None:
    routes = _routes("/a*", "/a/{...rest}", "/a/{id}", "/a/b")
    assert _match(routes, "/a/b").target.function.route is not None
    assert _found(routes, "/a/b") == "restful/a/b.py"
    assert _found(routes, "/a/c") == "restful/a/{id}.py"
    assert _match(routes, "/a/c").params == {"id": "c"}
    assert _found(routes, "/a/c/d") == "restful/a/{...rest}.py"
    assert _match(routes, "/a/c/d").params == {"rest": "c/d"}
    assert _found(routes, "/a") == "restful/a.py"


def test_a_dead_end_is_left_again() -> None:
    routes = _routes("/a/b/c", "/a/{id}/d", "/{...rest}")
    assert _found(routes, "/a/b/c") == "restful/a/b/c.py"
    assert _found(routes, "/a/b/d") == "restful/a/{id}/d.py"
    assert _found(routes, "/a/b/e") == "restful/{...rest}.py"


def test_one_slash_at_the_end_does_not_matter_and_two_do() -> None:
    routes = _routes("/a", "/b/{id}")
    assert _found(routes, "/a/") == "restful/a.py"
    assert _match(routes, "/b/1/").params == {"id": "1"}
    assert _found(routes, "/a//") is None
    assert _found(routes, "/b//") is None
    assert _found(routes, "//a") is None


def test_a_mount_gets_what_is_below_it() -> None:
    routes = _routes("/app*", "/app/own", "/*")
    for path, root, below in (
        ("/app", "/app", "/"),
        ("/app/", "/app", "/"),
        ("/app/x/y/", "/app", "/x/y/"),
        ("/other", "", "/other"),
        ("/", "", "/"),
    ):
        match = _match(routes, path)
        assert (match.root_path, match.path) == (root, below), path
    assert _found(routes, "/app/own") == "restful/app/own.py"


def test_an_encoded_slash_is_no_separator() -> None:
    routes = _routes("/a/{id}", "/a/b/c")
    match = routes.match_segments(["a", "b/c"], "/a/b/c")
    assert match is not None
    assert match.params == {"id": "b/c"}


@given(st.lists(SEGMENTS, max_size=5), st.lists(SEGMENTS, max_size=5))
def test_any_path_is_answered_and_what_matches_is_the_route(
    pattern: list[str], path: list[str]
) -> None:
    fixed = [part.replace("{", "").replace("/", "") or "x" for part in pattern]
    routes = _routes("/" + "/".join(fixed))
    asked = "/" + "/".join(path)
    found = routes.match(asked)
    if found is not None:
        assert [part for part in asked.split("/") if part] == [part for part in fixed if part]


def test_nothing_matches_an_absurd_number_of_segments() -> None:
    assert _routes("/{...rest}").match("/a" * 10_000) is None
