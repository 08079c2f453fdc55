"""Handlers described for OpenAPI."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tapwater.runtime.loading import load_here

_SOURCE = '''
from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict
import msgspec
import pydantic
from tapwater import File, Form, Header

@dataclass
class Line:
    """One line."""
    item: str
    next: "Line | None" = None

class Book(pydantic.BaseModel):
    title: str

class Point(msgspec.Struct):
    x: int

class Found(TypedDict):
    lines: list[Line]
    point: Point

def get(id: int, kind: Literal["a", "b"] = "a", tags: list[str] = [],
        agent: Annotated[str, Header("user-agent")] = "") -> Found:
    """Find lines.

    By their id.
    """

def post(line: Line, book: Book) -> None: ...

def put(file: File, title: Annotated[str, Form()] = "") -> str: ...
'''


@pytest.fixture
def manifest(tmp_path: Path) -> Any:
    (tmp_path / "[id].py").write_text(_SOURCE)
    path = list(sys.path)
    loaded = load_here({"code": str(tmp_path), "module": "[id].py", "function": "shop:one"})
    sys.path[:] = path
    return loaded.manifest


def test_parameters(manifest: Any) -> None:
    operation = manifest["operations"]["get"]
    assert operation["summary"] == "Find lines."
    assert operation["description"] == "By their id."
    assert operation["parameters"] == [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {
            "name": "kind",
            "in": "query",
            "required": False,
            "schema": {"enum": ["a", "b"], "default": "a"},
        },
        {
            "name": "tags",
            "in": "query",
            "required": False,
            "schema": {"type": "array", "items": {"type": "string"}},
        },
        {
            "name": "user-agent",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "default": ""},
        },
    ]
    assert "422" in operation["responses"]


def test_answers_and_records(manifest: Any) -> None:
    content = manifest["operations"]["get"]["responses"]["200"]["content"]
    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/Found"}}}
    schemas = manifest["schemas"]
    assert set(schemas) == {"Found", "Line", "Point", "Book"}
    assert schemas["Line"] == {
        "type": "object",
        "description": "One line.",
        "properties": {
            "item": {"type": "string"},
            "next": {"anyOf": [{"$ref": "#/components/schemas/Line"}, {"type": "null"}]},
        },
        "required": ["item"],
    }
    assert schemas["Book"]["properties"]["title"]["type"] == "string"
    assert schemas["Point"]["properties"]["x"] == {"type": "integer"}


def test_bodies(manifest: Any) -> None:
    body = manifest["operations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["line", "book"]
    assert body["properties"]["book"] == {"$ref": "#/components/schemas/Book"}
    assert "204" in manifest["operations"]["post"]["responses"]
    form = manifest["operations"]["put"]["requestBody"]["content"]["multipart/form-data"]
    assert form["schema"]["properties"]["file"]["contentMediaType"] == "application/octet-stream"
    assert form["schema"]["required"] == ["file"]
