"""REST APIs as the control API's answers show them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError

Values = dict[str, Any]
PAGE = 500
_HIDDEN = frozenset(
    {
        *("resources", "authorizers", "models", "validators", "gatewayResponses", "stages"),
        *("root", "owner"),
    }
)


def api_shape(id: str, value: Mapping[str, Any]) -> Values:
    shown = {name: part for name, part in value.items() if name not in _HIDDEN}
    return {**shown, "id": id, "rootResourceId": value["root"]}


def resource_shape(id: str, value: Mapping[str, Any], *, whole: bool = False) -> Values:
    """A resource; its methods are written out if that was asked for."""
    methods = {
        verb: method_shape(verb, about) if whole else {} for verb, about in value["methods"].items()
    }
    return {
        "id": id,
        "parentId": value.get("parentId"),
        "pathPart": value.get("pathPart"),
        "path": value["path"],
        "resourceMethods": methods or None,
    }


def method_shape(verb: str, about: Mapping[str, Any]) -> Values:
    return {**about, "httpMethod": verb}


def stage_shape(name: str, value: Mapping[str, Any]) -> Values:
    return {"stageName": name, "cacheClusterStatus": "NOT_AVAILABLE", **value}


def deployment_shape(id: str, value: Mapping[str, Any]) -> Values:
    return {"id": id, "description": value.get("description"), "createdDate": value["created"]}


def page(found: Sequence[Any], params: Mapping[str, Any], *, name: str = "items") -> Values:
    """Give the page that a position leads to.

    Raises:
        AwsError: it leads nowhere.
    """
    said, size = str(params.get("position") or "0"), int(params.get("limit") or PAGE)
    if not said.isdecimal() or len(said) > 9:
        raise AwsError("BadRequestException", "Invalid position parameter", 400)
    start, end = int(said), int(said) + max(1, min(size, PAGE))
    return {name: list(found[start:end]), "position": str(end) if end < len(found) else None}
