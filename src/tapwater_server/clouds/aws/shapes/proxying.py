"""HTTP requests as the events that API Gateway and function URLs make of them. Pure.

How the function's answer becomes an HTTP response again: ``proxied.py``.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

Event = dict[str, Any]
NAMES_MAX = 1_024  # Of headers, whose spelling is remembered.
_TEXT = re.compile(r"(text/|application/(json|xml|javascript)\b|[^;]*\+(json|xml)\b)", re.I)
_IDENTITY = (
    *("accessKey", "accountId", "caller", "principalOrgId", "user", "userArn"),
    *("cognitoAuthenticationProvider", "cognitoAuthenticationType"),
    *("cognitoIdentityId", "cognitoIdentityPoolId"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAsked:
    """One HTTP request. Its path is below the stage and still percent-encoded."""

    method: str
    path: str
    query: str = ""  # as it was sent, without "?"
    headers: Sequence[tuple[str, str]] = ()  # names in lower case; one may come several times
    body: bytes = b""
    client: str = ""  # address of who asks
    scheme: str = "http"
    protocol: str = "HTTP/1.1"

    def header(self, name: str) -> str:
        """Give the first header of a name; "": there is none."""
        return next((value for known, value in self.headers if known == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where in an API (or at which function URL) a request has arrived."""

    account: str
    api: str  # the API's id, or the URL's
    domain: str  # the host name that was asked, without a port
    route: str  # "/items/{id}" in v1, "GET /items/{id}" or "$default" in v2
    id: str  # of the request
    now: float
    stage: str = "$default"
    parameters: Mapping[str, str] = field(default_factory=dict)  # of the path, as they were sent
    variables: Mapping[str, str] = field(default_factory=dict)  # of the stage
    authorizer: Mapping[str, Any] | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)  # v1: what is known of the caller
    prefix: str = ""  # v1: what of the path named the stage: "/dev"
    resource: str = ""  # v1: id of the resource
    trace: str = ""  # X-Amzn-Trace-Id
    binary: Sequence[str] = ()  # v1: media types that are taken as bytes


def is_text(media: str, body: bytes) -> bool:
    """Tell whether a v2 event carries a body as text; form data goes as base64, as on AWS.

    >>> is_text("application/json", b"{}"), is_text("image/png", b"x")
    (True, False)
    """
    return (not media or _TEXT.match(media.strip()) is not None) and _is_utf8(body)


def takes_binary(media: str, binary: Sequence[str]) -> bool:
    """Tell whether a media type is one of those an API takes as bytes.

    >>> takes_binary("image/png; q=1", ["image/*"])
    True
    """
    kind = media.split(",")[0].split(";")[0].strip().lower()
    for known in map(str.lower, binary):
        main, _, sub = known.partition("/")
        if known == "*/*" or known == kind or (sub == "*" and kind.startswith(main + "/")):
            return True
    return False


def url_event(asked: HttpAsked, placed: Placed) -> Event:
    """Make the event of a function URL: version 2.0, its path still encoded."""
    event = http_event(asked, placed)
    event["rawPath"] = event["requestContext"]["http"]["path"] = asked.path
    event["requestContext"]["routeKey"] = event["routeKey"] = "$default"
    return event


def http_event(asked: HttpAsked, placed: Placed) -> Event:
    """Make the event of an HTTP API in payload format 2.0.

    The path is decoded, and begins with the stage unless that is ``$default``.
    """
    below = "" if placed.stage == "$default" else f"/{placed.stage}"
    path = below + unquote(asked.path)
    context: Event = {
        "accountId": placed.account,
        "apiId": placed.api,
        "domainName": placed.domain,
        "domainPrefix": placed.domain.split(".")[0],
        "http": {
            "method": asked.method,
            "path": path,
            "protocol": asked.protocol,
            "sourceIp": asked.client,
            "userAgent": asked.header("user-agent"),
        },
        "requestId": placed.id,
        "routeKey": placed.route,
        "stage": placed.stage,
        "time": _second(int(placed.now)),
        "timeEpoch": int(placed.now * 1000),
    }
    if placed.authorizer is not None:
        context["authorizer"] = dict(placed.authorizer)
    event: Event = {
        "version": "2.0",
        "routeKey": placed.route,
        "rawPath": path,
        "rawQueryString": asked.query,
        "headers": _joined(_forwarded(asked, placed), skipped="cookie"),
        "requestContext": context,
        **_optional(asked, placed),
    }
    if asked.body:
        event["body"], event["isBase64Encoded"] = _body(
            asked.body, as_text=is_text(asked.header("content-type"), asked.body)
        )
    else:
        event["isBase64Encoded"] = False
    return event


def _optional(asked: HttpAsked, placed: Placed) -> Event:
    """What a 2.0 event has only where there is any of it."""
    cookies = [
        cookie.strip()
        for name, value in asked.headers
        if name == "cookie"
        for cookie in value.split(";")
    ]
    found = {
        "cookies": [cookie for cookie in cookies if cookie],
        "queryStringParameters": _joined(parse_qsl(asked.query, keep_blank_values=True)),
        "pathParameters": decoded(placed.parameters),
        "stageVariables": dict(placed.variables),
    }
    return {name: value for name, value in found.items() if value}


def rest_event(asked: HttpAsked, placed: Placed) -> Event:
    """Make the event of a REST API: payload format 1.0."""
    return _version_1(asked, placed) | {
        "requestContext": _context_1(asked, placed)
        | {"resourceId": placed.resource, "extendedRequestId": placed.id}
    }


def http_event_1(asked: HttpAsked, placed: Placed) -> Event:
    """Make the event of an HTTP API in payload format 1.0."""
    event = _version_1(asked, placed, as_text=is_text(asked.header("content-type"), asked.body))
    below = "" if placed.stage == "$default" else f"/{placed.stage}"
    event["path"] = below + event["path"]
    event["resource"] = placed.route.partition(" ")[2] or placed.route
    context = _context_1(asked, placed)
    return {"version": "1.0", **event, "requestContext": context | {"path": event["path"]}}


def _version_1(asked: HttpAsked, placed: Placed, *, as_text: bool | None = None) -> Event:
    seen = [(_title(name), value) for name, value in _forwarded(asked, placed)]
    query = parse_qsl(asked.query, keep_blank_values=True)
    if as_text is None:
        as_text = not takes_binary(asked.header("content-type"), placed.binary)
    body, encoded = _body(asked.body, as_text=as_text) if asked.body else (None, False)
    return {
        "resource": placed.route,
        "path": unquote(asked.path),
        "httpMethod": asked.method,
        "headers": dict(seen),
        "multiValueHeaders": _listed(seen),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _listed(query) or None,
        "pathParameters": decoded(placed.parameters) or None,
        "stageVariables": dict(placed.variables) or None,
        "body": body,
        "isBase64Encoded": encoded,
    }


def _context_1(asked: HttpAsked, placed: Placed) -> Event:
    context: Event = {
        "accountId": placed.account,
        "apiId": placed.api,
        "domainName": placed.domain,
        "domainPrefix": placed.domain.split(".")[0],
        "httpMethod": asked.method,
        "identity": dict.fromkeys(_IDENTITY)
        | {"sourceIp": asked.client, "userAgent": asked.header("user-agent") or None}
        | dict(placed.identity),
        "path": placed.prefix + unquote(asked.path),
        "protocol": asked.protocol,
        "requestId": placed.id,
        "requestTime": _second(int(placed.now)),
        "requestTimeEpoch": int(placed.now * 1000),
        "resourcePath": placed.route,
        "stage": placed.stage,
    }
    if placed.authorizer is not None:
        context["authorizer"] = dict(placed.authorizer)
    return context


def balancer_event(asked: HttpAsked, *, target: str, many: bool = False) -> Event:
    """Make the event of an application load balancer; ``many``: with multi-value headers."""
    query = [
        (name, value)
        for part in asked.query.split("&")
        if part
        for name, _, value in [part.partition("=")]
    ]  # It does not decode them.
    encoded = bool(asked.body) and not is_text(asked.header("content-type"), asked.body)
    shape: Callable[[Sequence[tuple[str, str]]], Mapping[str, Any]] = _listed if many else dict
    return {
        "requestContext": {"elb": {"targetGroupArn": target}},
        "httpMethod": asked.method,
        "path": asked.path,
        ("multiValueQueryStringParameters" if many else "queryStringParameters"): shape(query),
        ("multiValueHeaders" if many else "headers"): shape(asked.headers),
        "body": _body(asked.body, as_text=not encoded)[0],
        "isBase64Encoded": encoded,
    }


def decoded(parameters: Mapping[str, str]) -> dict[str, str]:
    """Give a path's parameters as text."""
    return {name: unquote(value) for name, value in parameters.items()}


def _forwarded(asked: HttpAsked, placed: Placed) -> Sequence[tuple[str, str]]:
    """Add what the gateway adds: where the request came from, and its trace."""
    said = {name for name, _ in asked.headers}
    default = "443" if asked.scheme == "https" else "80"
    port = asked.header("host").rpartition(":")[2]
    added = {
        "x-forwarded-for": asked.client,
        "x-forwarded-proto": asked.scheme,
        "x-forwarded-port": port if port.isdecimal() else default,
        "x-amzn-trace-id": placed.trace,
    }
    more = [(name, value) for name, value in added.items() if value and name not in said]
    return [*asked.headers, *more]


def _body(body: bytes, *, as_text: bool) -> tuple[str, bool]:
    if as_text:
        return body.decode(errors="replace"), False
    return b64encode(body).decode("ascii"), True


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _joined(pairs: Sequence[tuple[str, str]], *, skipped: str | None = None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        if name != skipped:
            found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _listed(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


@lru_cache(maxsize=NAMES_MAX)
def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


@lru_cache(maxsize=4)
def _second(now: int) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
