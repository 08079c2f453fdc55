"""JSON Schema (2020-12) of annotations, for OpenAPI."""

import dataclasses
import datetime
import decimal
import enum
import inspect
import typing
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, get_args, get_origin

from tapwater.file import File
from tapwater.runtime import foreign
from tapwater.runtime.annotations import NONE, bare, is_union, sequence_of

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/"

_SIMPLE: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentMediaType": "application/octet-stream"},
    NONE: {"type": "null"},
    None: {"type": "null"},
    dict: {"type": "object"},
    File: {"type": "string", "contentMediaType": "application/octet-stream"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
    datetime.timedelta: {"type": "number", "description": "seconds"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    decimal.Decimal: {"type": "string", "format": "decimal"},
}


class Schemas:
    """Makes schemas; records become components that are referred to."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, annotation: Any) -> Schema:
        """The schema of an annotation; of what cannot be described, the one that takes anything.

        >>> Schemas().of(list[int] | None)
        {'anyOf': [{'type': 'array', 'items': {'type': 'integer'}}, {'type': 'null'}]}
        """
        annotation = bare(annotation)
        theirs = foreign.json_schema(annotation, REFERENCE)
        if theirs is not None:
            return self._adopt(annotation, theirs)
        try:
            if annotation in _SIMPLE:
                return dict(_SIMPLE[annotation])
        except TypeError:
            return {}
        return self._composed(annotation) or self._named(annotation) or {}

    def _composed(self, annotation: Any) -> Schema | None:
        arguments = get_args(annotation)
        if is_union(annotation):
            return {"anyOf": [self.of(arm) for arm in arguments]}
        if get_origin(annotation) is Literal:
            return {"enum": list(arguments)}
        sequence = sequence_of(annotation)
        if sequence is not None:
            unique = {"uniqueItems": True} if sequence[0] in (set, frozenset) else {}
            return {"type": "array", "items": self.of(sequence[1]), **unique}
        if get_origin(annotation) is tuple:
            return {"type": "array", "prefixItems": [self.of(arm) for arm in arguments]}
        if get_origin(annotation) in (dict, Mapping, MutableMapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return None

    def _named(self, annotation: Any) -> Schema | None:
        if not isinstance(annotation, type):
            return None
        if issubclass(annotation, enum.Enum):
            return {"enum": [member.value for member in annotation]}
        if dataclasses.is_dataclass(annotation):
            fields = {field.name: field for field in dataclasses.fields(annotation) if field.init}
            required = [name for name, field in fields.items() if _required(field)]
            return self._record(annotation, list(fields), required)
        if typing.is_typeddict(annotation):
            names = list(annotation.__annotations__)
            keys: frozenset[str] = getattr(annotation, "__required_keys__", frozenset())
            return self._record(annotation, names, [name for name in names if name in keys])
        return None

    def _record(self, annotation: type, names: list[str], required: list[str]) -> Schema:
        reference = {"$ref": REFERENCE + annotation.__name__}
        if annotation.__name__ in self.components:
            return reference
        schema = self.components[annotation.__name__] = {"type": "object"}
        hints = typing.get_type_hints(annotation, include_extras=True)
        schema["properties"] = {name: self.of(hints.get(name, Any)) for name in names}
        if required:
            schema["required"] = required
        told = inspect.getdoc(annotation) or ""
        # A dataclass without a docstring is given its signature as one.
        if told and not told.startswith(f"{annotation.__name__}(") and annotation.__doc__:
            schema["description"] = told
        return reference

    def _adopt(self, annotation: Any, schema: Schema) -> Schema:
        schema = dict(schema)
        self.components.update(schema.pop("$defs", {}))
        if "$ref" in schema or not foreign.is_model(annotation):
            return schema
        self.components[annotation.__name__] = schema
        return {"$ref": REFERENCE + annotation.__name__}


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
