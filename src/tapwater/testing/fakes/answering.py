"""What fakes share: finding who answers a path, and saying no as the real services do."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from tapwater.services.transport import Reply, Request, ServiceError

Answer = Callable[..., Any]  # Takes the request and the parts of its path by name.


class Answers:
    """A table of method, path and who answers: ``("GET", "/queues/{queue}", self._show)``."""

    def __init__(self, *lines: tuple[str, str, Answer]) -> None:
        self._lines = [(method, path.split("/"), answer) for method, path, answer in lines]

    def send(self, request: Request) -> Reply:
        """Answer with JSON; None is no content.

        Raises:
            ServiceError: there is nothing at this path, or who answers said no.
        """
        parts = [unquote(part) for part in request.path.split("/")]
        for method, pattern, answer in self._lines:
            named = _match(pattern, parts)
            if named is not None and method == request.method:
                said = answer(request, **named)
                if isinstance(said, Reply):
                    return said
                if said is None:
                    return Reply(status=204)
                body = json.dumps(said, allow_nan=False).encode()
                return Reply(status=200, headers={"content-type": "application/json"}, body=body)
        raise not_found(f"no service has anything at {request.path}")


def body_of(request: Request) -> dict[str, Any]:
    """Read the JSON of a request."""
    said = json.loads(request.body) if request.body else {}
    if not isinstance(said, dict):
        raise invalid("the body cannot be understood: it is no JSON object")
    return said


def not_found(message: str) -> ServiceError:
    return ServiceError(message, code="not_found", status=404)


def invalid(message: str) -> ServiceError:
    return ServiceError(message, code="invalid", status=400)


def conflict(message: str) -> ServiceError:
    return ServiceError(message, code="conflict", status=409)


def too_large(message: str) -> ServiceError:
    return ServiceError(message, code="too_large", status=413)


def _match(pattern: Sequence[str], parts: Sequence[str]) -> Mapping[str, str] | None:
    if len(pattern) != len(parts):
        return None
    named = {}
    for one, part in zip(pattern, parts, strict=True):
        if one.startswith("{"):
            named[one[1:-1]] = part
        elif one != part:
            return None
    return named
