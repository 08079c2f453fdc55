"""Request validators of REST APIs: bodies that must fit the model of their media type."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tapwater_server.clouds.aws.shapes.proxying import HttpAsked

_JSON = "application/json"
SCHEMAS_MAX = 256  # Compiled at a time.


def fits(about: Mapping[str, Any], api: Mapping[str, Any], http: HttpAsked) -> bool:
    """Say whether a body is as a method's validator wants it. A media type that has no model is
    not looked at, as on AWS.
    """
    validator = (api.get("validators") or {}).get(about.get("requestValidatorId")) or {}
    if not validator.get("validateRequestBody"):
        return True
    wanted = about.get("requestModels") or {}
    media = (http.header("content-type") or _JSON).partition(";")[0].strip().lower()
    name = next((value for key, value in wanted.items() if str(key).lower() == media), None)
    name = name or wanted.get("$default")
    models = api.get("models") or {}
    if name not in models:
        return True
    texts = tuple(sorted((key, str(one.get("schema") or "{}")) for key, one in models.items()))
    try:
        found = json.loads(http.body)
        return bool(_validator(str(name), texts).is_valid(found))
    except (ValueError, RecursionError):
        return False


@lru_cache(maxsize=SCHEMAS_MAX)
def _validator(name: str, texts: tuple[tuple[str, str], ...]) -> Any:
    from jsonschema import Draft4Validator

    schemas = {key: referring(json.loads(text)) for key, text in texts}
    own = schemas[name]
    return Draft4Validator({**own, "definitions": {**schemas, **own.get("definitions", {})}})


def referring(schema: Any) -> Any:
    """Let references lead to models of the same API, however they name them; to nothing else.

    >>> referring({"$ref": "https://apigateway.amazonaws.com/restapis/abc/models/Pet"})
    {'$ref': '#/definitions/Pet'}
    """
    if isinstance(schema, dict):
        return {
            key: f"#/definitions/{value.rpartition('/')[2]}"
            if key == "$ref" and isinstance(value, str)
            else referring(value)
            for key, value in schema.items()
        }
    return [referring(one) for one in schema] if isinstance(schema, list) else schema


def readable(text: str) -> bool:
    """Say whether a model's schema can be used.

    >>> readable('{"type": "object"}'), readable('{"type": 1}'), readable("x")
    (True, False, False)
    """
    from jsonschema import Draft4Validator
    from jsonschema.exceptions import SchemaError

    try:
        schema = json.loads(text)
        Draft4Validator.check_schema(schema)
    except (ValueError, RecursionError, SchemaError):
        return False
    return isinstance(schema, dict)
