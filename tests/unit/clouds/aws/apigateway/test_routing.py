"""Paths lead to routes as they do on AWS."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.clouds.aws.apigateway.http_serving import stage_of
from tapwater_server.clouds.aws.apigateway.routing import Table

TABLE = Table(
    (method, path, f"{method} {path}")
    for method, path in (
        ("GET", "/"),
        ("GET", "/pets"),
        ("GET", "/pets/{id}"),
        ("POST", "/pets/{id}"),
        ("GET", "/pets/dog/1"),
        ("GET", "/pets/{id}/toys"),
        ("GET", "/pets/{proxy+}"),
        ("ANY", "/{all+}"),
        ("ANY", "/any"),
        ("GET", "/any"),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "route", "parameters"),
    [
        ("GET", "/", "GET /", {}),
        ("GET", "/pets", "GET /pets", {}),
        ("GET", "/pets/dog", "GET /pets/{id}", {"id": "dog"}),
        ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
        ("GET", "/pets/dog/2", "GET /pets/{proxy+}", {"proxy": "dog/2"}),
        ("GET", "/pets/dog/toys", "GET /pets/{id}/toys", {"id": "dog"}),
        ("POST", "/pets/1/2", "ANY /{all+}", {"all": "pets/1/2"}),
        ("DELETE", "/pets", "ANY /{all+}", {"all": "pets"}),
        ("GET", "/pets/a%2Fb", "GET /pets/{id}", {"id": "a%2Fb"}),
        ("GET", "/pe%74s", "GET /pets", {}),
        ("GET", "/pets/", "ANY /{all+}", {"all": "pets/"}),
        ("GET", "/any", "GET /any", {}),
        ("PUT", "/any", "ANY /any", {}),
    ],
)
def test_routes(method: str, path: str, route: str, parameters: Mapping[str, str]) -> None:
    assert TABLE.route(method, path) == (route, parameters)


def test_nothing_there() -> None:
    assert TABLE.route("POST", "/") is None
    assert Table([("GET", "/{all+}", "x")]).route("GET", "/") is None
    assert TABLE.route("GET", "/x" * 300) is None


@given(st.text(alphabet="/{}+%ab.", max_size=30), st.text(alphabet="/{}+%ab.", max_size=30))
def test_any_path_is_looked_up(route: str, path: str) -> None:
    Table([("GET", f"/{route}", "x")]).route("GET", f"/{path}")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/dev", ("dev", "/")),
        ("/dev/a%20b", ("dev", "/a%20b")),
        ("/$default/a", ("$default", "/$default/a")),
        ("/", ("$default", "/")),
    ],
)
def test_stages(path: str, found: tuple[str, str]) -> None:
    assert stage_of({"dev": {}, "$default": {}}, path) == found
