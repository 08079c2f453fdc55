"""Request validators of REST APIs: parameters that must be there. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tapwater_server.clouds.aws.shapes.proxying import HttpAsked, Placed


def lacking(
    about: Mapping[str, Any], api: Mapping[str, Any], http: HttpAsked, placed: Placed
) -> str:
    """Say what a request lacks; "": nothing, or nobody asks."""
    validator = (api.get("validators") or {}).get(about.get("requestValidatorId")) or {}
    if not validator.get("validateRequestParameters"):
        return ""
    query = dict(parse_qsl(http.query, keep_blank_values=True))
    missing = []
    for name, required in (about.get("requestParameters") or {}).items():
        _, _, where, key = [*str(name).split(".", 3), "", "", ""][:4]
        there = {
            "querystring": key in query,
            "header": bool(http.header(key.lower())),
            "path": key in placed.parameters,
        }
        if required and not there.get(where, True):
            missing.append(key)
    return f"Missing required request parameters: [{', '.join(missing)}]" if missing else ""
