"""What a REST API itself answers when no function does, and how that can be changed. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.shapes.proxied import HttpAnswer

# Kind -> status, message. 0: a group, whose members have their own.
RESPONSES: Mapping[str, tuple[int, str]] = {
    "DEFAULT_4XX": (0, ""),
    "DEFAULT_5XX": (0, ""),
    "ACCESS_DENIED": (403, "User is not authorized to access this resource"),
    "API_CONFIGURATION_ERROR": (500, "Internal server error"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "Internal server error"),
    "AUTHORIZER_FAILURE": (500, "Internal server error"),
    "BAD_REQUEST_BODY": (400, "Invalid request body"),
    "BAD_REQUEST_PARAMETERS": (400, "Missing required request parameters"),
    "EXPIRED_TOKEN": (403, "The security token included in the request is expired"),
    "INTEGRATION_FAILURE": (504, "Internal server error"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out"),
    "INVALID_API_KEY": (403, "Forbidden"),
    "INVALID_SIGNATURE": (403, "The request signature we calculated does not match"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "QUOTA_EXCEEDED": (429, "Limit Exceeded"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "RESOURCE_NOT_FOUND": (404, "Not Found"),
    "THROTTLED": (429, "Too Many Requests"),
    "UNAUTHORIZED": (401, "Unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Unsupported Media Type"),
    "WAF_FILTERED": (403, "Forbidden"),
}
_VARIABLE = re.compile(r"\$context\.([A-Za-z.]+)")


def refusal(
    kind: str, own: Mapping[str, Any], *, message: str = "", id: str = "", status: int = 0
) -> HttpAnswer:
    """Answer for the gateway; ``own``: what the API has set for kinds of answers.

    >>> refusal("MISSING_AUTHENTICATION_TOKEN", {}).body
    b'{"message":"Missing Authentication Token"}'
    """
    default, text = RESPONSES[kind]
    code = status or default
    group = own.get("DEFAULT_4XX" if code < 500 else "DEFAULT_5XX") or {}
    said = own.get(kind) or group
    message = message or text
    headers = _headers(said.get("responseParameters") or {})
    templates = said.get("responseTemplates") or {}
    media, template = next(iter(templates.items()), ("application/json", None))
    if template is None:
        name = "Message" if kind == "ACCESS_DENIED" else "message"
        body = json.dumps({name: message}, separators=(",", ":"))
    else:
        body = _filled(str(template), kind=kind, message=message, id=id)
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", str(media)))
    wanted = said.get("statusCode")
    return HttpAnswer(status=int(wanted) if wanted else code, headers=headers, body=body.encode())


def _headers(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Read the headers that are set to fixed texts: ``'*'`` in quotes."""
    found = []
    for name, value in parameters.items():
        where, _, header = str(name).partition("header.")
        text = str(value)
        if where.endswith("response.") and text[:1] == "'" == text[-1:]:
            found.append((header.lower(), text[1:-1]))
    return found


def _filled(template: str, *, kind: str, message: str, id: str) -> str:
    values = {
        "error.messageString": json.dumps(message),
        "error.message": message,
        "error.responseType": kind,
        "requestId": id,
        "extendedRequestId": id,
    }
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), template)
