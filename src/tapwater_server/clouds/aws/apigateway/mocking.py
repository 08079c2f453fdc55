"""MOCK integrations of REST APIs: answers without a function, as CORS needs them. Pure.

Templates are taken as they stand: those with variables or directives of VTL cannot be used here.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.shapes.proxied import HttpAnswer, Malformed

Values = Mapping[str, Any]
_DIRECTIVE = re.compile(r"[$#]")


def mocked(integration: Values, *, media: str) -> HttpAnswer:
    """Answer as the integration says.

    Raises:
        Malformed: its templates cannot be used, or name no answer.
    """
    template = _template(integration.get("requestTemplates") or {}, media)
    status = _status(template)
    answers = integration.get("integrationResponses") or {}
    answer = _choose(answers, status)
    if answer is None:
        raise Malformed(f"no integration response for status {status}")
    headers = []
    for name, value in (answer.get("responseParameters") or {}).items():
        where, _, header = str(name).partition("method.response.header.")
        text = str(value)
        if not where and header and text[:1] == "'" == text[-1:]:
            headers.append((header.lower(), text[1:-1]))
    templates = answer.get("responseTemplates") or {}
    body = _template(templates, "application/json") if templates else ""
    if _DIRECTIVE.search(body):
        raise Malformed("a response template has variables or directives")
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", next(iter(templates), "application/json")))
    return HttpAnswer(status=int(answer["statusCode"]), headers=headers, body=body.encode())


def _template(templates: Values, media: str) -> str:
    kind = media.split(";")[0].strip().lower() or "application/json"
    found = templates.get(kind, templates.get("application/json"))
    return str(found) if found is not None else ""


def _status(template: str) -> str:
    if _DIRECTIVE.search(template):
        raise Malformed("a request template has variables or directives")
    try:
        return str(json.loads(_loose(template))["statusCode"]) if template.strip() else "200"
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("the request template gives no statusCode") from error


def _loose(template: str) -> str:
    """Many templates have names without quotes: ``{statusCode: 200}``.

    >>> _loose("{statusCode: 200}")
    '{"statusCode": 200}'
    """
    return re.sub(r"([{,]\s*)([A-Za-z_]+)\s*:", r'\1"\2":', template)


def _choose(answers: Values, status: str) -> Values | None:
    """Find the answer whose pattern fits a status; the one without a pattern is for all others."""
    default = None
    for answer in answers.values():
        pattern = answer.get("selectionPattern")
        if not pattern:
            default = answer
        elif _fits(str(pattern), status):
            found: Values = answer
            return found
    return default


def _fits(pattern: str, status: str) -> bool:
    try:
        return re.fullmatch(pattern, status) is not None
    except re.error:
        return False
