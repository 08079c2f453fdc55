"""The one table from an error's code to a status, and the body that says it (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tapwater_server.model.errors import Overloaded, TapwaterError

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[str, int] = {
    "invalid": 400,
    "needs_index": 400,
    "unauthenticated": 401,
    "budget_exhausted": 402,
    "not_allowed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "precondition_failed": 412,
    "too_large": 413,
    "range": 416,
    "deploy_failed": 422,
    "key_reused": 422,
    "budget_slowed": 429,
    "rate_limited": 429,
    "internal": 500,
    "settings": 500,
    "start_failed": 500,
    "fetch_failed": 502,
    "overloaded": 503,
    "storage_full": 507,
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457)",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "invocation": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}


class MethodNotAllowed(TapwaterError):
    """The path is there, and does not know this method; ``allowed`` names those it does."""

    code = "method_not_allowed"

    def __init__(self, message: str, *, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


def problem(error: TapwaterError) -> dict[str, Any]:
    """Write an error as a problem; its facts are for the log and stay out."""
    status = STATUS.get(error.code, 500)
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "code": error.code,
    }
    problems = getattr(error, "problems", ())
    if problems:
        said["problems"] = list(problems)
    return said


def headers(error: TapwaterError) -> dict[str, str]:
    """What an error adds to the answer's headers."""
    if isinstance(error, Overloaded):
        return {"retry-after": str(max(1, -int(-error.retry_after_s // 1)))}
    if isinstance(error, MethodNotAllowed):
        return {"allow": error.allowed}
    if error.code == "unauthenticated":
        return {"www-authenticate": 'Bearer realm="tapwater"'}
    return {}
