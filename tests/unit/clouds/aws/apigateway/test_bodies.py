"""Bodies that must fit a model."""

import json
from typing import Any

import pytest

from tapwater_server.clouds.aws.apigateway import bodies, rest_import, rest_records
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.shapes.proxying import HttpAsked
from tapwater_server.testing.clock import CountingIds

PET = {"type": "object", "required": ["name"], "properties": {"friend": {"$ref": "#/x/Pet"}}}
API: dict[str, Any] = {
    "validators": {"v": {"validateRequestBody": True}, "lax": {"validateRequestBody": False}},
    "models": {
        "Pet": {"schema": json.dumps(PET)},
        "Pets": {"schema": '{"type": "array", "items": {"$ref": "https://any/models/Pet"}}'},
    },
}


def asked(body: bytes, media: str = "application/json") -> HttpAsked:
    headers = [("content-type", media)] if media else []
    return HttpAsked(method="POST", path="/", headers=headers, body=body)


@pytest.mark.parametrize(
    ("model", "body", "media", "fits"),
    [
        ("Pet", b'{"name": 1}', "application/json", True),
        ("Pet", b'{"name": 1}', "application/json; charset=utf-8", True),
        ("Pet", b"{}", "application/json", False),
        ("Pet", b"{}", "", False),
        ("Pet", b"", "application/json", False),
        ("Pet", b"[", "application/json", False),
        ("Pet", b"[" * 100_000, "application/json", False),
        ("Pet", b'{"name": 1, "friend": {}}', "application/json", False),
        ("Pets", b'[{"name": 1}]', "application/json", True),
        ("Pets", b"[{}]", "application/json", False),
        ("Pet", b"<a/>", "text/xml", True),  # No model: not looked at.
        ("Gone", b"{}", "application/json", True),
    ],
)
def test_fits(model: str, body: bytes, media: str, *, fits: bool) -> None:
    about = {"requestValidatorId": "v", "requestModels": {"application/json": model}}
    assert bodies.fits(about, API, asked(body, media)) is fits
    assert bodies.fits({**about, "requestValidatorId": "lax"}, API, asked(body, media))


def test_models_of_a_document() -> None:
    fresh = CountingIds().fresh
    api = rest_records.fresh_api({"name": "a"}, now=0.0, root="root")
    where = {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}
    operation = {"requestBody": {"content": where}, "responses": {}}
    document = {
        "openapi": "3.0.1",
        "paths": {"/pets": {"post": operation}},
        "components": {"schemas": {"Pet": PET}},
        "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True}},
        "x-amazon-apigateway-request-validator": "all",
    }
    rest_import.read_into(api, json.dumps(document), fresh=fresh)
    about = next(
        one["methods"]["POST"] for one in api["resources"].values() if one["path"] == "/pets"
    )
    assert about["requestModels"] == {"application/json": "Pet"}
    assert bodies.fits(about, api, asked(b'{"name": 1}'))
    assert not bodies.fits(about, api, asked(b"{}"))


def test_a_model_that_is_none() -> None:
    document = {"openapi": "3.0.1", "paths": {}, "components": {"schemas": {"A": {"type": 7}}}}
    api = rest_records.fresh_api({"name": "a"}, now=0.0, root="root")
    with pytest.raises(AwsError, match="Invalid model"):
        rest_import.read_into(api, json.dumps(document), fresh=CountingIds().fresh)
